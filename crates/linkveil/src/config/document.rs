//! A TOML document that knows where everything stands in the file.
//!
//! serde stops at its first error and forgets the line. This reader walks the parsed tree itself, so
//! that one run of `check` names every wrong line. It knows tables, keys and types; what a value
//! means is the business of [`super::values`].

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Problem, Problems};

/// Longest piece of a value that an error message quotes, in characters.
const QUOTED_VALUE_MAX_CHARS: usize = 64;

/// The text of a file and the number of the line at each of its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'d> {
    text: &'d str,
}

impl<'d> Source<'d> {
    pub(super) fn new(text: &'d str) -> Self {
        Self { text }
    }

    /// Parses the document; every syntax error becomes a problem.
    pub(super) fn parse(self, problems: &mut Problems) -> Option<Spanned<DeTable<'d>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let broken = !errors.is_empty();
        for error in errors {
            let line = error.span().map(|span| self.line(&span));
            let (what, fix) = explain_syntax(error.message());
            problems.add(Problem {
                line,
                key: "TOML".to_owned(),
                value: None,
                what,
                fix,
            });
        }
        (!broken).then_some(table)
    }

    /// The number of the line in which `span` starts, counted from 1.
    fn line(self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The value as it is written in the file, on one line and cut to a readable length; nothing for a
    /// table, whose text is its header.
    fn quote(self, value: &Spanned<DeValue<'_>>, quoting: Quoting) -> Option<String> {
        if quoting == Quoting::Never || matches!(value.get_ref(), DeValue::Table(_)) {
            return None;
        }
        let text = self.text.get(value.span()).unwrap_or_default();
        let first_line = text.lines().next().unwrap_or_default();
        let short: String = first_line.chars().take(QUOTED_VALUE_MAX_CHARS).collect();
        Some(if short.len() == text.len() {
            short
        } else {
            format!("{short}...")
        })
    }
}

fn explain_syntax(message: &str) -> (String, String) {
    let what = message
        .lines()
        .next()
        .unwrap_or("not valid TOML")
        .to_owned();
    let fix = if what.contains("duplicate key") {
        "keep one of the two lines"
    } else {
        "write `key = \"value\"` lines under [node], [crypto], [[vpc]], [[peer]], [[peer.vpc]] or [[macsec]]"
    };
    (what, fix.to_owned())
}

/// Whether errors may quote values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Allowed,
    /// There are keys among the values.
    Never,
}

/// One table of the document, with the name under which errors mention it.
#[derive(Debug, Clone)]
pub(super) struct Section<'d> {
    source: Source<'d>,
    quoting: Quoting,
    label: String,
    line: usize,
    /// `None` stands for a table that the file leaves out.
    table: Option<&'d DeTable<'d>>,
}

impl<'d> Section<'d> {
    /// The document itself.
    pub(super) fn root(source: Source<'d>, table: &'d Spanned<DeTable<'d>>) -> Self {
        Self {
            source,
            quoting: Quoting::Allowed,
            label: String::new(),
            line: 1,
            table: Some(table.get_ref()),
        }
    }

    /// A table that the file leaves out: it has no keys.
    pub(super) fn absent(&self, label: &str) -> Self {
        Self {
            source: self.source,
            quoting: self.quoting,
            label: label.to_owned(),
            line: 1,
            table: None,
        }
    }

    /// The same table under another name, once the name is known.
    pub(super) fn labeled(self, label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..self
        }
    }

    /// The same table, of whose values none is quoted, however deep it lies.
    pub(super) fn secret(self) -> Self {
        Self {
            quoting: Quoting::Never,
            ..self
        }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The value of `key`, if the table has it.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'d>> {
        let (_, value) = self.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Entry {
            source: self.source,
            quoting: self.quoting,
            key: self.key_path(key),
            value,
        })
    }

    /// Reports every key that is not in `known`.
    pub(super) fn allow_only(&self, known: &[&str], problems: &mut Problems) {
        for (name, value) in self.table.into_iter().flatten() {
            if known.contains(&name.get_ref().as_ref()) {
                continue;
            }
            problems.add(self.unknown_key(name, value, known));
        }
    }

    /// A problem with a key that the table should have and has not.
    pub(super) fn missing(&self, key: &str, fix: impl Into<String>, problems: &mut Problems) {
        problems.add(Problem {
            line: Some(self.line),
            key: self.key_path(key),
            value: None,
            what: "missing".to_owned(),
            fix: fix.into(),
        });
    }

    fn unknown_key(
        &self,
        name: &Spanned<DeString<'d>>,
        value: &Spanned<DeValue<'d>>,
        known: &[&str],
    ) -> Problem {
        let written = name.get_ref().as_ref();
        let fix = match closest(written, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("remove it; allowed here: {}", known.join(", ")),
        };
        Problem {
            line: Some(self.source.line(&name.span())),
            key: self.key_path(written),
            value: self.source.quote(value, self.quoting),
            what: "there is no such key".to_owned(),
            fix,
        }
    }

    fn key_path(&self, key: &str) -> String {
        if self.label.is_empty() {
            key.to_owned()
        } else {
            format!("{} {key}", self.label)
        }
    }
}

/// One value of the document and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Entry<'d> {
    source: Source<'d>,
    quoting: Quoting,
    key: String,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Entry<'d> {
    /// Reports that the value is wrong, why, and what to write instead.
    pub(super) fn refuse(
        &self,
        what: impl Into<String>,
        fix: impl Into<String>,
        problems: &mut Problems,
    ) {
        problems.add(Problem {
            line: Some(self.line()),
            key: self.key.clone(),
            value: self.source.quote(self.value, self.quoting),
            what: what.into(),
            fix: fix.into(),
        });
    }

    pub(super) fn line(&self) -> usize {
        self.source.line(&self.value.span())
    }

    /// The value as a string.
    pub(super) fn text(&self, example: &str, problems: &mut Problems) -> Option<&'d str> {
        if let DeValue::String(text) = self.value.get_ref() {
            return Some(text.as_ref());
        }
        self.refuse_type("a string", example, problems);
        None
    }

    /// The value as a string, or nothing (and no problem) when it is of another type.
    pub(super) fn as_text(&self) -> Option<&'d str> {
        self.value.get_ref().as_str()
    }

    /// The value as true or false.
    pub(super) fn boolean(&self, example: &str, problems: &mut Problems) -> Option<bool> {
        if let DeValue::Boolean(value) = self.value.get_ref() {
            return Some(*value);
        }
        self.refuse_type("true or false", example, problems);
        None
    }

    /// The value as a whole number; what does not fit 64 bits is refused too.
    pub(super) fn integer(&self, example: &str, problems: &mut Problems) -> Option<i64> {
        let DeValue::Integer(number) = self.value.get_ref() else {
            self.refuse_type("a whole number", example, problems);
            return None;
        };
        let number = i64::from_str_radix(number.as_str(), number.radix());
        if number.is_err() {
            self.refuse(
                "the number is out of every range",
                format!("write it like {example}"),
                problems,
            );
        }
        number.ok()
    }

    /// The elements of a list.
    pub(super) fn list(&self, example: &str, problems: &mut Problems) -> Option<Vec<Entry<'d>>> {
        let DeValue::Array(values) = self.value.get_ref() else {
            self.refuse_type("a list", example, problems);
            return None;
        };
        let entry = |(index, value)| Entry {
            source: self.source,
            quoting: self.quoting,
            key: format!("{}[{index}]", self.key),
            value,
        };
        Some(values.iter().enumerate().map(entry).collect())
    }

    /// The elements of a list, or the value itself where a single one may be written without brackets.
    pub(super) fn list_or_one(
        &self,
        example: &str,
        problems: &mut Problems,
    ) -> Option<Vec<Entry<'d>>> {
        match self.value.get_ref() {
            DeValue::Array(_) => self.list(example, problems),
            _ => Some(vec![self.clone()]),
        }
    }

    /// The value as a table, named `label` in errors.
    pub(super) fn section(&self, label: &str, problems: &mut Problems) -> Option<Section<'d>> {
        if let DeValue::Table(table) = self.value.get_ref() {
            return Some(Section {
                source: self.source,
                quoting: self.quoting,
                label: label.to_owned(),
                line: self.line(),
                table: Some(table),
            });
        }
        self.refuse_type("a table", label, problems);
        None
    }

    /// The value as an array of tables, named `label #1`, `label #2` and so on in errors.
    pub(super) fn sections(&self, label: &str, problems: &mut Problems) -> Vec<Section<'d>> {
        let Some(entries) = self.list(label, problems) else {
            return Vec::new();
        };
        let numbered = entries.iter().enumerate();
        let section = |(index, entry): (usize, &Entry<'d>)| {
            let section = entry.section(label, problems)?;
            Some(section.labeled(format!("{label} #{}", index + 1)))
        };
        numbered.filter_map(section).collect()
    }

    fn refuse_type(&self, expected: &str, example: &str, problems: &mut Problems) {
        let what = format!("expected {expected}, found {}", self.type_name());
        self.refuse(what, format!("write it like {example}"), problems);
    }

    fn type_name(&self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// The known key that `written` most likely stands for: at most two edits away.
fn closest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    const MAX_EDITS: usize = 2;
    let nearest = known.iter().map(|key| (edits(written, key), *key)).min()?;
    (nearest.0 <= MAX_EDITS).then_some(nearest.1)
}

/// Levenshtein distance in characters.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replace = row[j] + usize::from(a != *b);
            next.push(replace.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[to.len()]
}
