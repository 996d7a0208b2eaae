//! Which packet numbers of a written-down MACsec key may have been used: a file that survives restarts.
//!
//! Numbers are reserved in blocks ahead, on stable storage, before any of them is used; a restart goes on above the last
//! block, whatever of it was used. A second file remembers which keys were ever used on this machine, so that a state
//! file that is lost is not taken for one that never was (REQ-SECY-25).
//!
//! ```text
//! # comment
//! linkveil-pn 1
//! <16 bytes hex: key and nonces> <16 bytes hex: their origin> <decimal: last number that may have been used>
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use linkveil_macsec::NonceSpace;
use linkveil_wire::PacketNumber;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::config::PnReuse;

const HEADING: &str = "linkveil-pn 1";
const COMMENT: &str = "# Packet numbers of MACsec keys that may have been used. linkveil writes this; \
                       a key whose numbers are lost must not be used again.";

/// Keys in one file; nobody changes written-down keys this often.
const MAX_KEYS: usize = 4_096;

/// Name of the file that remembers keys, in the state folder.
const USED_KEYS: &str = "macsec-used-keys";

/// Where services keep what must survive a restart of the machine (`StateDirectory=` of systemd.exec(5)).
const DEFAULT_STATE_FOLDER: &str = "/var/lib/linkveil";

/// Why packet numbers are not known to be unused.
#[derive(Debug, thiserror::Error)]
pub enum PnFileError {
    /// The system refused something.
    #[error("state_file {}: cannot {step}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not one of these.
    #[error(
        "state_file {}, line {line}: not a line of a packet number file; use a new key with a new file: one from a backup may be behind", path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// There are numbers, and nobody knows which.
    #[error(
        "state_file {}: it has no numbers of the tx key, which was used before; use a new key: a file from a backup may be behind", path.display()
    )]
    Forgotten {
        /// The file.
        path: PathBuf,
    },
    /// The numbers belong to nonces of another origin.
    #[error(
        "the tx key was used before with another salt, and the two can make the same nonce; use a new key with the new salt"
    )]
    OtherSalt,
    /// Another gateway counts.
    #[error(
        "state_file {}: another process uses it; give each [[macsec]] port a file of its own", path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The key has no numbers left.
    #[error("the tx key has no packet numbers left; use a new key")]
    Exhausted,
    /// Too many keys.
    #[error("state_file {}: it has 4096 keys; use a new file with a new key", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
}

/// The state folder of this process: systemd's, or the usual one.
pub fn state_folder() -> PathBuf {
    let folder = std::env::var_os("STATE_DIRECTORY");
    // With several folders systemd separates them by colons; the first is ours.
    let first = folder.and_then(|all| std::env::split_paths(&all).next());
    first.unwrap_or_else(|| PathBuf::from(DEFAULT_STATE_FOLDER))
}

/// The packet numbers of one key that is in use.
#[derive(Debug)]
pub struct PnFile {
    path: PathBuf,
    entries: Entries,
    space: NonceSpace,
    last: PacketNumber,
    count: Count,
    /// Held as long as the numbers are counted here.
    _lock: File,
}

/// Whether what is written down tells which numbers may have been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Kept,
    /// Numbers were used before that nobody knows. Nothing is written down, so that this is not forgotten: a later start
    /// that wants to be safe is refused as it would have been now.
    Lost,
}

/// What is written down of each key, by its name.
type Entries = BTreeMap<[u8; 16], Entry>;

/// What is written down of a key.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// [`NonceSpace::origin`].
    origin: [u8; 16],
    /// The last number that may have been used.
    last: u64,
}

/// Which numbers a key begins with, and which it has at all.
#[derive(Debug, Clone, Copy)]
pub struct PnTerms {
    /// Which key, and how it makes nonces.
    pub space: NonceSpace,
    /// The first number that the configuration wants.
    pub first: PacketNumber,
    /// The suite's last.
    pub last: PacketNumber,
    /// Whether numbers may be used again.
    pub reuse: PnReuse,
}

impl PnFile {
    /// Takes the numbers of a key over. Returns the first one that was never used; none is reserved yet.
    ///
    /// # Errors
    ///
    /// [`PnFileError`]: then no number may be used.
    pub fn open(
        path: &Path,
        state_folder: &Path,
        terms: &PnTerms,
    ) -> Result<(Self, PacketNumber), PnFileError> {
        let lock = lock(path)?;
        let space = terms.space;
        let entries = read(path)?;
        let used = UsedKeys::take(&state_folder.join(USED_KEYS))?;
        let count = match entries.get(&space.id) {
            Some(entry) if entry.origin == space.origin => Count::Kept,
            None if !used.contains(&space.id) => Count::Kept,
            _ => Count::Lost,
        };
        let first = match (terms.reuse, entries.get(&space.id)) {
            (PnReuse::Unsafe, _) => terms.first.get(),
            (PnReuse::Refused, Some(entry)) if entry.origin != space.origin => {
                return Err(PnFileError::OtherSalt);
            }
            (PnReuse::Refused, Some(entry)) => {
                let next = entry.last.checked_add(1).ok_or(PnFileError::Exhausted)?;
                next.max(terms.first.get())
            }
            (PnReuse::Refused, None) if used.contains(&space.id) => {
                let path = path.to_owned();
                return Err(PnFileError::Forgotten { path });
            }
            (PnReuse::Refused, None) => terms.first.get(),
        };
        if first > terms.last.get() {
            return Err(PnFileError::Exhausted);
        }
        if entries.len() >= MAX_KEYS && !entries.contains_key(&space.id) {
            let path = path.to_owned();
            return Err(PnFileError::Full { path });
        }
        let mut file = Self {
            path: path.to_owned(),
            entries,
            space,
            last: terms.last,
            count,
            _lock: lock,
        };
        // The numbers before the key: a known key without numbers is refused.
        file.reserve_through(PacketNumber::new(first.saturating_sub(1)))?;
        used.remember(space.id)?;
        Ok((file, PacketNumber::new(first)))
    }

    /// Writes down that all numbers up to this one may have been used, or up to the suite's last if that is less. They may
    /// be used once this returns; the last of them is the result.
    ///
    /// # Errors
    ///
    /// The system refused; what was reserved before stays so.
    pub fn reserve_through(&mut self, wanted: PacketNumber) -> Result<PacketNumber, PnFileError> {
        let last = wanted.get().min(self.last.get());
        if self.count == Count::Lost {
            return Ok(PacketNumber::new(last));
        }
        let known = self.entries.get(&self.space.id);
        let reserved = known.map_or(last, |entry| entry.last.max(last));
        let entry = Entry {
            origin: self.space.origin,
            last: reserved,
        };
        self.entries.insert(self.space.id, entry);
        write(&self.path, &text_of(&self.entries))?;
        Ok(PacketNumber::new(reserved))
    }
}

/// Keys that were ever used on this machine.
struct UsedKeys {
    path: PathBuf,
    text: String,
    /// All gateways of the machine share the file: held from looking for a key to having remembered it.
    _lock: File,
}

impl UsedKeys {
    /// Waits for others that look into it.
    fn take(path: &Path) -> Result<Self, PnFileError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed(folder, "make the state folder"))?;
        }
        let (lock, lock_path) = lock_file(path)?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| failed(&lock_path, "lock")(error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            text: text_or_empty(path)?,
            _lock: lock,
        })
    }

    fn contains(&self, id: &[u8; 16]) -> bool {
        let id = hex::encode(id);
        self.text.lines().any(|line| line == id)
    }

    fn remember(self, id: [u8; 16]) -> Result<(), PnFileError> {
        if self.contains(&id) {
            return Ok(());
        }
        let text = format!("{}{}\n", self.text, hex::encode(id));
        write(&self.path, &text)
    }
}

fn failed<'p>(path: &'p Path, step: &'static str) -> impl FnOnce(io::Error) -> PnFileError + 'p {
    move |source| PnFileError::Io {
        path: path.to_owned(),
        step,
        source,
    }
}

/// The lock of a file, which is a file of its own, because writing replaces the other; and its path.
fn lock_file(path: &Path) -> Result<(File, PathBuf), PnFileError> {
    let path = beside(path, "lock");
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed(&path, "make the lock file"))?;
    Ok((file, path))
}

/// Keeps everybody else away for as long as the file is open.
fn lock(path: &Path) -> Result<File, PnFileError> {
    let (file, path) = lock_file(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(PnFileError::Busy { path }),
        Err(error) => Err(failed(&path, "lock")(error.into())),
    }
}

/// The file with one more ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn text_or_empty(path: &Path) -> Result<String, PnFileError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        result => result.map_err(failed(path, "read")),
    }
}

fn read(path: &Path) -> Result<Entries, PnFileError> {
    let text = text_or_empty(path)?;
    if text.is_empty() && !path.exists() {
        return Ok(Entries::new());
    }
    let lines = text.lines().zip(1..);
    let mut lines = lines.filter(|(line, _)| !line.starts_with('#'));
    let malformed = |line| PnFileError::Malformed {
        path: path.to_owned(),
        line,
    };
    match lines.next() {
        Some((HEADING, _)) => {}
        Some((_, line)) => return Err(malformed(line)),
        None => return Err(malformed(1)),
    }
    let mut entries = Entries::new();
    for (text, line) in lines {
        let (id, entry) = entry(text).ok_or_else(|| malformed(line))?;
        if entries.insert(id, entry).is_some() {
            return Err(malformed(line));
        }
    }
    Ok(entries)
}

fn entry(line: &str) -> Option<([u8; 16], Entry)> {
    let mut words = line.split(' ');
    let mut name = || {
        let mut bytes = [0; 16];
        hex::decode_to_slice(words.next()?, &mut bytes).ok()?;
        Some(bytes)
    };
    let (id, origin) = (name()?, name()?);
    let last = words.next()?.parse().ok()?;
    words
        .next()
        .is_none()
        .then_some((id, Entry { origin, last }))
}

fn text_of(entries: &Entries) -> String {
    let mut text = format!("{COMMENT}\n{HEADING}\n");
    for (id, Entry { origin, last }) in entries {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} {} {last}", hex::encode(id), hex::encode(origin));
    }
    text
}

/// Replaces the file as a whole and returns when that is on stable storage: first the content, then the name.
fn write(path: &Path, text: &str) -> Result<(), PnFileError> {
    let new = beside(path, "new");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(failed(&new, "write"))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed(&new, "write"))?;
    fs::rename(&new, path).map_err(failed(path, "replace the file"))?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(folder, "sync the folder"))
}

#[cfg(test)]
mod tests;
