//! `cargo run --profile fuzz -p motia-fuzz -- --seconds 60`: runs the bodies on the corpus, then on damaged inputs.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for a terminal")]

use std::hint::black_box;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use motia_fuzz::mutate::mutated;
use motia_fuzz::random::Random;
use motia_fuzz::{BODIES, Body, corpus};

const USAGE: &str = "\
usage: motia-fuzz (--seconds N | --corpus-only) [--body NAME] [--seed N] [--trace] [FILE..]
  --seconds N      for so long in all, shared by the bodies
  --corpus-only    the committed inputs, and no damaged ones
  --body NAME      one body alone: evaluate, condition, running, update; FILE.. needs it
  --seed N         repeats a run; without it, the time
  --trace          writes each input to crashes/ before it runs, for what ends the process without a word
  FILE..           these inputs, such as one of crashes/";

/// An input that takes longer is a find too.
const SLOW: Duration = Duration::from_secs(5);

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    seconds: Option<f64>,
    corpus_only: bool,
    body: Option<String>,
    seed: Option<u64>,
    trace: bool,
    files: Vec<String>,
}

fn main() -> ExitCode {
    let Some(options) = parsed(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let bodies: Vec<&Body> = BODIES.iter().filter(|body| options.wants(body)).collect();
    match bodies.iter().try_for_each(|body| fuzz(body, &options, bodies.len())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(find) => {
            eprintln!("{find}");
            ExitCode::FAILURE
        }
    }
}

fn parsed(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--seconds" => options.seconds = Some(arguments.next()?.parse().ok().filter(|seconds| *seconds >= 0.0)?),
            "--corpus-only" => options.corpus_only = true,
            "--body" => options.body = Some(arguments.next()?),
            "--seed" => options.seed = Some(arguments.next()?.parse().ok()?),
            "--trace" => options.trace = true,
            other if other.starts_with('-') => return None,
            _ => options.files.push(argument),
        }
    }
    options.are_right().then_some(options)
}

impl Options {
    fn are_right(&self) -> bool {
        let known = |name: &String| BODIES.iter().any(|body| body.name == name);
        let ways = [self.seconds.is_some(), self.corpus_only, !self.files.is_empty()];
        let one_way = ways.iter().filter(|way| **way).count() == 1;
        one_way && self.body.as_ref().is_none_or(known) && (self.files.is_empty() || self.body.is_some())
    }

    fn wants(&self, body: &Body) -> bool {
        self.body.as_ref().is_none_or(|name| name == body.name)
    }
}

/// Runs one body as it is asked for. The error is the text about an input that it panics at.
fn fuzz(body: &Body, options: &Options, bodies: usize) -> Result<(), String> {
    if !options.files.is_empty() {
        return options.files.iter().try_for_each(|file| run(body, &read(file)?, options));
    }
    let inputs = corpus::load(body.name).map_err(|error| format!("the corpus of {}: {error}", body.name))?;
    for (path, data) in &inputs {
        run(body, data, options).map_err(|find| format!("{}: {find}", path.display()))?;
    }
    println!("{}: {} inputs of the corpus", body.name, inputs.len());
    let share = options.seconds.map(|seconds| Duration::from_secs_f64(seconds) / u32::try_from(bodies).unwrap_or(1));
    share.map_or(Ok(()), |time| damage(body, inputs.into_iter().map(|(_, data)| data).collect(), time, options))
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{file}: {error}"))
}

/// Runs a body on damaged inputs until the time is over.
fn damage(body: &Body, corpus: Vec<Vec<u8>>, time: Duration, options: &Options) -> Result<(), String> {
    let corpus = if corpus.is_empty() { vec![Vec::new()] } else { corpus };
    let seed = options.seed.unwrap_or_else(seed_of_now);
    println!("{}: seed {seed}", body.name);
    let (mut random, start, mut runs) = (Random::new(seed), Instant::now(), 0_u32);
    while start.elapsed() < time {
        for _ in 0..100 {
            run(body, &mutated(&corpus, body.words, &mut random), options)?;
            runs += 1;
        }
    }
    let rate = f64::from(runs) / start.elapsed().as_secs_f64();
    println!("{}: {runs} damaged inputs, {rate:.0} a second", body.name);
    Ok(())
}

fn seed_of_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |time| time.as_secs())
}

fn run(body: &Body, data: &[u8], options: &Options) -> Result<(), String> {
    if options.trace {
        corpus::trace(body.name, data).map_err(|error| format!("crashes/: {error}"))?;
    }
    let start = Instant::now();
    let ran = catch_unwind(|| (body.run)(black_box(data)));
    let why = match ran {
        Ok(()) if start.elapsed() < SLOW => return Ok(()),
        Ok(()) => format!("takes {:.1} s", start.elapsed().as_secs_f64()),
        Err(_) => "panics".to_owned(),
    };
    let path = corpus::save(body.name, data).map_err(|error| format!("crashes/: {error}"))?;
    Err(format!("{} {why} at {} bytes, saved to {}", body.name, data.len(), path.display()))
}
