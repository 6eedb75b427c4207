//! JSON by recursive descent.

/// A JSON value, numbers as they are written, equal keys each.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The last of equal keys.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else {
            return None;
        };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// The value, `None` where it is not JSON as the engine has it: 1,024 levels, 4,300 digits, the range of floats.
pub(crate) fn read(bytes: &[u8]) -> Option<Json> {
    let text: Vec<char> = std::str::from_utf8(bytes).ok()?.chars().collect();
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    (reader.at == reader.text.len()).then_some(value)
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|char| " \t\n\r".contains(char)) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        match self.peek()? {
            '[' if depth < 1024 => self.array(depth + 1),
            '{' if depth < 1024 => self.object(depth + 1),
            '"' => self.string().map(Json::Text),
            'n' => self.word("null", Json::Null),
            't' => self.word("true", Json::Bool(true)),
            'f' => self.word("false", Json::Bool(false)),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut items = Vec::new();
        self.take('[')?;
        self.space();
        if self.take(']').is_some() {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            if self.take(']').is_some() {
                return Some(Json::Array(items));
            }
            self.take(',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut entries = Vec::new();
        self.take('{')?;
        self.space();
        if self.take('}').is_some() {
            return Some(Json::Object(entries));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.take(':')?;
            entries.push((key, self.value(depth)?));
            self.space();
            if self.take('}').is_some() {
                return Some(Json::Object(entries));
            }
            self.take(',')?;
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        word.chars().try_for_each(|char| self.take(char))?;
        Some(value)
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        let _ = self.take('-');
        if self.take('0').is_none() {
            self.digits()?;
        }
        let whole = self.at;
        if self.take('.').is_some() {
            self.digits()?;
        }
        if self.take('e').or_else(|| self.take('E')).is_some() {
            let _ = self.take('+').or_else(|| self.take('-'));
            self.digits()?;
        }
        let text: String = self.text[start..self.at].iter().collect();
        let fits = if self.at == whole {
            text.trim_start_matches('-').len() <= 4300
        } else {
            text.parse().is_ok_and(f64::is_finite)
        };
        fits.then_some(Json::Number(text))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|char| char.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.take('"')?;
        let mut units: Vec<u16> = Vec::new();
        loop {
            let char = self.peek()?;
            self.at += 1;
            match char {
                '"' => return String::from_utf16(&units).ok(),
                '\\' => units.push(self.escape()?),
                '\0'..=' ' if char != ' ' => return None,
                char => units.extend_from_slice(char.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let char = self.peek()?;
        self.at += 1;
        Some(match char {
            '"' | '\\' | '/' => u16::try_from(u32::from(char)).ok()?,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let digits: String = self.text.get(self.at..self.at + 4)?.iter().collect();
                self.at += 4;
                digits.chars().all(|char| char.is_ascii_hexdigit()).then_some(())?;
                u16::from_str_radix(&digits, 16).ok()?
            }
            _ => return None,
        })
    }
}
