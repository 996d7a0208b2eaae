//! The results as a file: `macsec-interop.md` in the target folder, for docs/macsec.md.

use std::fs;
use std::path::{Path, PathBuf};

/// One table of the file. Each test of the kernel writes its own.
#[derive(Debug)]
pub struct Table {
    place: &'static str,
    text: String,
}

impl Table {
    /// An empty one. Tables stand in the order of their places. `title` is a line above it, `head` its first row.
    #[must_use]
    pub fn new(place: &'static str, title: &str, head: &[&str]) -> Self {
        let rule = head.iter().map(|_| "---").collect::<Vec<_>>().join("|");
        let text = format!("{title}\n\n| {} |\n|{rule}|\n", head.join(" | "));
        Self { place, text }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&str]) {
        self.text += &format!("| {} |\n", cells.join(" | "));
    }

    /// Writes it, and joins all that have been written.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self) {
        let target = target();
        let folder = target.join("macsec-interop");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(self.place), &self.text).unwrap();
        let entries = fs::read_dir(&folder).unwrap();
        let mut parts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        parts.sort();
        let texts: Vec<_> = parts
            .iter()
            .map(|part| fs::read_to_string(part).unwrap())
            .collect();
        fs::write(target.join("macsec-interop.md"), texts.join("\n")).unwrap();
    }
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    )
}
