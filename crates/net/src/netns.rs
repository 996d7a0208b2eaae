//! Network namespaces (network_namespaces(7)), by the names that `ip netns` gives them or by path.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns add` leaves namespaces; the second is the older place.
const NAMED: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// File system type of namespace files (NSFS_MAGIC in linux/magic.h).
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// A network namespace, kept alive as long as this value.
#[derive(Debug)]
pub struct Netns {
    file: OwnedFd,
    path: PathBuf,
}

/// Why a namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Nothing of that name.
    #[error(
        "no network namespace {0:?}: looked in /run/netns and /var/run/netns; `ip netns add` makes one"
    )]
    NoSuchName(String),
    /// Nothing at that path.
    #[error("no network namespace at {}", .0.display())]
    NoSuchPath(PathBuf),
    /// The file is something else, for example left over by a namespace that was deleted.
    #[error("{} is not a network namespace", .0.display())]
    NotANamespace(PathBuf),
    /// We lack CAP_SYS_ADMIN, or the namespace belongs to another user.
    #[error("not allowed to enter the network namespace {}: this needs root or CAP_SYS_ADMIN", .0.display())]
    Forbidden(PathBuf),
    /// Anything else.
    #[error("network namespace {}: {error}", .path.display())]
    System {
        /// Which namespace.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

impl Netns {
    /// Opens the namespace `name`: a path if it contains a `/`, else a name as `ip netns` has it.
    ///
    /// # Errors
    ///
    /// It does not exist, is no network namespace, or cannot be read.
    pub fn open(name: &str) -> Result<Self, NetnsError> {
        if name.contains('/') {
            return Self::open_path(Path::new(name))?
                .ok_or_else(|| NetnsError::NoSuchPath(name.into()));
        }
        let proper = !name.is_empty() && name != "." && name != "..";
        for directory in NAMED.iter().filter(|_| proper) {
            if let Some(found) = Self::open_path(&Path::new(directory).join(name))? {
                return Ok(found);
            }
        }
        Err(NetnsError::NoSuchName(name.to_owned()))
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// `/proc` is not mounted.
    pub fn current() -> Result<Self, NetnsError> {
        let path = Path::new("/proc/thread-self/ns/net");
        Self::open_path(path)?.ok_or_else(|| NetnsError::NoSuchPath(path.into()))
    }

    fn open_path(path: &Path) -> Result<Option<Self>, NetnsError> {
        let system = |error: Errno| NetnsError::System {
            path: path.to_owned(),
            error: error.into(),
        };
        let file = match rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        ) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::ACCESS | Errno::PERM) => return Err(NetnsError::Forbidden(path.to_owned())),
            Err(error) => return Err(system(error)),
        };
        let kind = rustix::fs::fstatfs(&file).map_err(system)?.f_type;
        if u64::try_from(kind) == Ok(NSFS_MAGIC) {
            Ok(Some(Self {
                file,
                path: path.to_owned(),
            }))
        } else {
            Err(NetnsError::NotANamespace(path.to_owned()))
        }
    }

    /// Runs `work` inside the namespace, on a thread of its own, and waits for it. File descriptors that it opens (TUN
    /// devices, sockets) stay in the namespace and may be used from anywhere.
    ///
    /// # Errors
    ///
    /// We may not enter, or no thread can be had; then `work` was not run.
    ///
    /// # Panics
    ///
    /// If `work` panics, with the same payload.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        thread::scope(|scope| {
            let helper = thread::Builder::new()
                .name("netns".to_owned())
                .spawn_scoped(scope, || {
                    self.enter()?;
                    Ok(work())
                });
            let helper = helper.map_err(|error| NetnsError::System {
                path: self.path.clone(),
                error,
            })?;
            helper
                .join()
                .unwrap_or_else(|payload| resume_unwind(payload))
        })
    }

    /// Moves the calling thread, for the rest of its life.
    fn enter(&self) -> Result<(), NetnsError> {
        move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(
            |error| match error {
                Errno::PERM => NetnsError::Forbidden(self.path.clone()),
                Errno::INVAL => NetnsError::NotANamespace(self.path.clone()),
                error => NetnsError::System {
                    path: self.path.clone(),
                    error: error.into(),
                },
            },
        )
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

#[cfg(test)]
mod tests;
