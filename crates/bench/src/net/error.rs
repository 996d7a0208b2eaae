//! Why `bench net` did not come to a report. Each says what to do.

use std::io;

use linkveil_net::netns::NetnsError;

/// See the module's text.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Namespaces need root.
    #[error(
        "bench net makes network namespaces and devices: run it as root, for example `sudo linkveil bench net`; \
         scripts/bench runs it for a plain user in a namespace of its own"
    )]
    NotRoot,
    /// A program without which nothing can be measured.
    #[error("there is no {program}: apt install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The Debian package.
        package: &'static str,
    },
    /// SIGINT, SIGTERM or SIGHUP.
    #[error("stopped by a signal; everything is removed")]
    Stopped,
    /// A program said no.
    #[error("{command}: {output}")]
    Refused {
        /// What was run.
        command: String,
        /// What it printed.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{what}: not within {seconds} s\n{log}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// The end of the log of what should have done it.
        log: String,
    },
    /// A program printed something else than it should.
    #[error("cannot read what {program} printed: {reason}")]
    Unreadable {
        /// The program.
        program: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A namespace cannot be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The system said no.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: String,
        /// What it said.
        #[source]
        error: io::Error,
    },
}

impl NetError {
    pub(super) fn system(what: impl Into<String>, error: io::Error) -> Self {
        let what = what.into();
        Self::System { what, error }
    }
}
