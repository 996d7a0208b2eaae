//! The control protocol: one line of JSON up, one line of JSON down, over a unix socket.
//!
//! A client connects, writes one request, reads one response, and either side may then close.
//!
//! ```text
//! -> {"version":1,"request":"status"}
//! <- {"version":1,"status":{ ... }}
//! -> {"version":1,"request":"rekey","peer":"gw-b"}
//! <- {"version":1,"rekey":{"peers":["gw-b"]}}
//! -> {"version":1,"request":"dance"}
//! <- {"version":1,"error":{"code":"bad_request","message":"unknown variant `dance`, ..."}}
//! ```

pub mod client;
pub mod server;

use serde::{Deserialize, Serialize};

use crate::status::Status;

/// Version of the control protocol; a request of another version is refused.
pub const PROTOCOL_VERSION: u32 = 1;

/// Longest request, with its line end. A request holds one name at most.
pub const REQUEST_MAX_BYTES: usize = 4096;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Everything the gateway knows about itself.
    Status,
    /// New keys now, with one peer (by name or public key) or with all.
    Rekey {
        /// `None`: all peers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<String>,
    },
}

/// What the gateway answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Answer to [`Request::Status`].
    Status(Box<Status>),
    /// Answer to [`Request::Rekey`]: handshakes were started.
    Rekey(Rekeyed),
    /// The request was not served.
    Error(Refusal),
}

/// Names of the peers with which a handshake was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rekeyed {
    /// In the order of the configuration.
    pub peers: Vec<String>,
}

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub message: String,
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Not JSON, no known request, or too long.
    BadRequest,
    /// Written for another version of the protocol.
    UnsupportedVersion,
    /// No peer has this name or public key.
    UnknownPeer,
    /// The gateway is stopping or its lanes did not answer in time.
    Unavailable,
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    body: T,
}

/// Only the version, so that a request of a later version is told apart from a wrong one.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// Writes a request as one line.
pub fn encode_request(request: &Request) -> String {
    encode(request)
}

/// Writes a response as one line.
pub fn encode_response(response: &Response) -> String {
    encode(response)
}

fn encode<T: Serialize>(body: &T) -> String {
    let line = serde_json::to_string(&Versioned {
        version: PROTOCOL_VERSION,
        body,
    });
    // The types above have string keys and no fallible parts: their serialization cannot fail.
    line.unwrap_or_default() + "\n"
}

/// Reads one request line.
///
/// # Errors
///
/// A refusal to send back.
pub fn decode_request(line: &str) -> Result<Request, Refusal> {
    let bad = |error: serde_json::Error| Refusal::new(RefusalCode::BadRequest, error.to_string());
    let VersionOnly { version } = serde_json::from_str(line).map_err(bad)?;
    if version != PROTOCOL_VERSION {
        let message =
            format!("version {version} is not spoken here; this is version {PROTOCOL_VERSION}");
        return Err(Refusal::new(RefusalCode::UnsupportedVersion, message));
    }
    let request: Versioned<Request> = serde_json::from_str(line).map_err(bad)?;
    Ok(request.body)
}

/// Reads one response line.
///
/// # Errors
///
/// The text is not a response of this version.
pub fn decode_response(line: &str) -> Result<Response, serde_json::Error> {
    serde_json::from_str::<Versioned<Response>>(line).map(|response| response.body)
}

#[cfg(test)]
mod tests;
