//! Key files: read once, refused when others may read them, never quoted in a message.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use linkveil_crypto::{Psk, PskPart, StaticSecret};
use zeroize::Zeroizing;

use super::document::Entry;
use super::problem::Problems;

/// Permission bits that nobody but the owner may have.
pub(super) const OTHERS_MASK: u32 = 0o077;

/// No key file is longer: 44 characters of base64 and a line end, with room for stray blanks.
const KEY_FILE_MAX_BYTES: usize = 256;

/// Reads this node's private key from the file that `entry` names.
pub(super) fn private_key(
    entry: &Entry<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<StaticSecret> {
    let (path, text) = secret_text(entry, folder, "genkey", problems)?;
    if let Ok(secret) = StaticSecret::from_base64(text.trim()) {
        return Some(secret);
    }
    refuse_content(entry, &path, "genkey", problems);
    None
}

/// Combines the pre-shared key's parts: none, one or two files.
pub(super) fn psk(entry: &Entry<'_>, folder: &Path, problems: &mut Problems) -> Option<Psk> {
    let files = entry.list("[\"a.psk\", \"b.psk\"]", problems)?;
    if files.len() > 2 {
        let fix = "name no file, one or two";
        entry.refuse("a pre-shared key has at most two parts", fix, problems);
        return None;
    }
    let parts: Vec<_> = files
        .iter()
        .map(|file| psk_part(file, folder, problems))
        .collect::<Option<_>>()?;
    match Psk::combine(parts.first(), parts.get(1)) {
        Ok(psk) => Some(psk),
        Err(_) => {
            let fix =
                "take the two parts from two independent sources: `linkveil genpsk` once for each";
            entry.refuse("both parts are the same key", fix, problems);
            None
        }
    }
}

fn psk_part(entry: &Entry<'_>, folder: &Path, problems: &mut Problems) -> Option<PskPart> {
    let (path, text) = secret_text(entry, folder, "genpsk", problems)?;
    if let Ok(part) = PskPart::from_base64(text.trim()) {
        return Some(part);
    }
    refuse_content(entry, &path, "genpsk", problems);
    None
}

fn refuse_content(entry: &Entry<'_>, path: &Path, tool: &str, problems: &mut Problems) {
    let what = "the file does not hold one key: 32 bytes in base64";
    entry.refuse(
        what,
        format!("write a new one: {}", create_command(tool, path)),
        problems,
    );
}

fn secret_text(
    entry: &Entry<'_>,
    folder: &Path,
    tool: &str,
    problems: &mut Problems,
) -> Option<(PathBuf, Zeroizing<String>)> {
    let name = entry.text("\"gw-a.key\"", problems)?;
    let path = folder.join(name);
    match read_secret(&path) {
        Ok(text) => Some((path, text)),
        Err(error) => {
            let (what, fix) = explain(&error, &path, tool);
            entry.refuse(what, fix, problems);
            None
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum SecretFileError {
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    #[error("others may read the file (mode {0:04o})")]
    Exposed(u32),
    #[error("not a regular file")]
    NotAFile,
    #[error("the file is too long for a key")]
    TooLong,
}

/// Checks and reads through one open file, so that nobody can swap it in between.
fn read_secret(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(SecretFileError::NotAFile);
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS_MASK != 0 {
        return Err(SecretFileError::Exposed(mode));
    }
    if metadata.len() > KEY_FILE_MAX_BYTES as u64 {
        return Err(SecretFileError::TooLong);
    }
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_MAX_BYTES));
    file.take(KEY_FILE_MAX_BYTES as u64)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn explain(error: &SecretFileError, path: &Path, tool: &str) -> (String, String) {
    let fix = match error {
        SecretFileError::Exposed(mode) => {
            format!("chmod {:o} {}", mode & !OTHERS_MASK & 0o777, path.display())
        }
        SecretFileError::Io(io) if io.kind() == io::ErrorKind::NotFound => {
            create_command(tool, path)
        }
        SecretFileError::Io(io) if io.kind() == io::ErrorKind::PermissionDenied => {
            format!("run as the owner of {}, or as root", path.display())
        }
        _ => format!("name a file with one key in it, made by `linkveil {tool}`"),
    };
    (error.to_string(), fix)
}

fn create_command(tool: &str, path: &Path) -> String {
    format!("(umask 077; linkveil {tool} > {})", path.display())
}
