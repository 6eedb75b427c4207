use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use serde_json::Value;
use tempfile::TempDir;

use super::*;

fn open(path: &Path) -> Result<DataDirectory> {
    DataDirectory::open(path, 0.0, &Log::default())
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn signature(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path.join("lock")).unwrap()).unwrap()
}

fn assert_unusable(found: Result<DataDirectory>, what: &str) {
    match found {
        Err(Error::DataDirUnusable(text)) => assert!(text.contains(what), "{text}"),
        other => panic!("{other:?}"),
    }
}

// ---------------------------------------------------------------- making

#[test]
fn a_directory_is_made_for_its_owner_alone_and_kept_out_of_git() {
    let dir = temporary();
    let path = dir.path().join("above").join("data");
    open(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
    let usual = dir.path().join("usual");
    std::fs::create_dir(&usual).unwrap();
    assert_eq!(path.parent().unwrap().metadata().unwrap().permissions(), usual.metadata().unwrap().permissions());
}

#[test]
fn a_directory_that_exists_is_left_as_it_is() {
    let dir = temporary();
    open(dir.path()).unwrap();
    assert!(!dir.path().join(".gitignore").exists());
}

#[test]
fn a_directory_is_known_by_its_absolute_path() {
    let dir = temporary();
    let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "..").collect::<PathBuf>();
    let relative = up.join(dir.path().strip_prefix("/").unwrap());
    let directory = open(&relative).unwrap();
    assert!(directory.path().is_absolute());
    assert_eq!(directory.path().canonicalize().unwrap(), dir.path().canonicalize().unwrap());
}

#[test]
fn what_cannot_be_a_directory_is_unusable() {
    let dir = temporary();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_unusable(open(&file), &format!("the data directory {} is not a directory; use another", file.display()));
    let inside = file.join("data");
    let text = format!("cannot make the data directory {}: Not a directory; give this user", inside.display());
    assert_unusable(open(&inside), &text);
}

#[test]
fn a_lock_that_cannot_be_a_file_is_unusable() {
    let dir = temporary();
    std::fs::create_dir(dir.path().join("lock")).unwrap();
    assert_unusable(
        open(dir.path()),
        &format!("cannot write in the data directory {}: Is a dir", dir.path().display()),
    );
}

// ---------------------------------------------------------------- the lock

#[test]
fn the_lock_names_its_holder() {
    let dir = temporary();
    let directory = open(dir.path()).unwrap();
    assert_eq!(directory.path(), dir.path());
    assert_eq!(signature(dir.path())["boot"], Value::Null);
    directory.sign(Some(12)).unwrap();
    assert_eq!(
        (&signature(dir.path())["pid"], &signature(dir.path())["boot"]),
        (&std::process::id().into(), &12.into())
    );
    let text = std::fs::read_to_string(dir.path().join("lock")).unwrap();
    assert_eq!((text.len(), text.ends_with(" \n")), (SIGNATURE + 1, true));
    match open(dir.path()) {
        Err(Error::DataDirLocked { path, holder }) => {
            assert_eq!(path, dir.path());
            assert_eq!(serde_json::from_slice::<Value>(&holder).unwrap(), signature(dir.path()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(signature(dir.path())["boot"], 12, "the refused one wrote nothing");
}

#[test]
fn a_lock_whose_holder_wrote_nothing_names_nobody() {
    let dir = temporary();
    let _directory = open(dir.path()).unwrap();
    std::fs::write(dir.path().join("lock"), "[1]").unwrap();
    assert!(matches!(open(dir.path()), Err(Error::DataDirLocked { holder, .. }) if holder.is_empty()));
}

#[test]
fn a_released_directory_can_be_taken() {
    let dir = temporary();
    let directory = open(dir.path()).unwrap();
    directory.release();
    directory.release();
    directory.sign(Some(1)).unwrap();
    let _second = open(dir.path()).unwrap();
    assert_eq!(signature(dir.path())["boot"], Value::Null, "the first one signs no more");
}

#[test]
fn opening_waits_as_long_as_it_may_for_the_holder() {
    let dir = temporary();
    let path = dir.path().to_owned();
    let directory = open(&path).unwrap();
    let started = Instant::now();
    assert!(matches!(DataDirectory::open(&path, 0.1, &Log::default()), Err(Error::DataDirLocked { .. })));
    assert!(started.elapsed() >= Duration::from_millis(100));
    let (tell, told) = mpsc::channel();
    let waiting = std::thread::spawn(move || {
        tell.send(()).unwrap();
        DataDirectory::open(&path, 30.0, &Log::default()).map(drop)
    });
    told.recv().unwrap();
    directory.release();
    waiting.join().unwrap().unwrap();
}

/// A child has the descriptor too, as after a fork: neither its life nor its end changes whose lock it is.
#[test]
fn a_child_that_closed_its_copy_neither_keeps_nor_drops_the_lock() {
    let dir = temporary();
    let directory = open(dir.path()).unwrap();
    let copy = directory.lock.load().as_deref().unwrap().try_clone().unwrap();
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(copy)).spawn().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(open(dir.path()), Err(Error::DataDirLocked { .. })));
    directory.release();
    open(dir.path()).unwrap();
}

// ---------------------------------------------------------------- file systems

/// The type that `/proc/self/mountinfo` with these lines tells of a path.
fn kind_of(path: &Path, lines: &[String]) -> String {
    let dir = temporary();
    let mounts = dir.path().join("mountinfo");
    std::fs::write(&mounts, lines.join("\n") + "\n").unwrap();
    file_system(path, &mounts)
}

fn line(place: &str, kind: &str) -> String {
    format!("36 35 98:0 /root {place} rw,noatime master:1 shared:2 - {kind} /dev/sda1 rw,errors=continue")
}

#[test]
fn the_longest_mount_that_holds_a_path_tells_its_type_and_the_last_of_those() {
    let dir = temporary();
    let data = dir.path().canonicalize().unwrap().join("da ta");
    std::fs::create_dir(&data).unwrap();
    let escaped = data.display().to_string().replace(' ', "\\040");
    assert_eq!(kind_of(&data, &[line("/", "ext4")]), "ext4");
    assert_eq!(kind_of(&data, &[line("/", "ext4"), line(&escaped, "nfs4"), line("/", "xfs")]), "nfs4");
    assert_eq!(kind_of(&data, &[line(&escaped, "nfs4"), line(&escaped, "xfs")]), "xfs");
    assert_eq!(kind_of(&data, &[line("/", "ext4"), line(&format!("{escaped}/sub"), "nfs4")]), "ext4");
    assert_eq!(kind_of(&data, &[line("/", "ext4"), line(&escaped[..escaped.len() - 1], "nfs4")]), "ext4");
}

#[test]
fn lines_that_say_nothing_are_left_out() {
    let odd = ["", "36 35", "36 35 98:0 / / rw", "36 35 98:0 / / rw -"].map(str::to_owned);
    assert_eq!(kind_of(Path::new("/"), &odd), "");
    assert_eq!(file_system(Path::new("/"), Path::new("/nowhere")), "");
}

#[test]
fn a_field_has_its_odd_characters_back() {
    assert_eq!(unescaped(br"a\040b\011\134c\9\04"), b"a b\t\\c\\9\\04");
}

#[test]
fn file_systems_without_locks_are_refused_and_forgetful_ones_are_told() {
    let (path, log) = (Path::new("/data"), Log::default());
    for kind in REFUSED.iter().chain(&["fuse", "fuse.sshfs", "fuseblk"]) {
        let found = check_file_system(path, kind, &log).unwrap_err().to_string();
        assert!(found.contains(&format!("/data is on {kind}, which does not keep the locks")), "{found}");
    }
    check_file_system(path, "ext4", &log).unwrap();
    assert_eq!(log.drain().count(), 0);
    check_file_system(path, "tmpfs", &log).unwrap();
    let told: Vec<_> = log.drain().map(|(_, text)| text).collect();
    assert_eq!(told, ["the data directory /data is on tmpfs: it does not survive a restart of the machine"]);
}
