//! `genkey`, `pubkey` and `genpsk`: 32 bytes in base64, interchangeable with those of `wg`.

use std::io::{self, Read, Write};

use linkveil_crypto::{PskPart, StaticSecret, SystemRandom};
use zeroize::Zeroizing;

/// A key line has 44 characters; more than this is no key.
const INPUT_MAX_BYTES: usize = 256;

/// Why no key came out.
#[derive(Debug, thiserror::Error)]
pub enum KeyToolError {
    /// Reading or writing failed.
    #[error("cannot read or write the key: {0}")]
    Io(#[from] io::Error),
    /// The input is something else.
    #[error(
        "stdin is not a private key: expected 32 bytes in base64, as `linkveil genkey` prints them"
    )]
    NotAKey,
}

/// Prints a new private key.
///
/// # Errors
///
/// Writing failed.
pub fn genkey(out: &mut impl Write) -> Result<(), KeyToolError> {
    let secret = StaticSecret::generate(&mut SystemRandom);
    Ok(writeln!(out, "{}", secret.to_base64().as_str())?)
}

/// Prints a new pre-shared key part.
///
/// # Errors
///
/// Writing failed.
pub fn genpsk(out: &mut impl Write) -> Result<(), KeyToolError> {
    let part = PskPart::generate(&mut SystemRandom);
    Ok(writeln!(out, "{}", part.to_base64().as_str())?)
}

/// Reads a private key and prints its public key.
///
/// # Errors
///
/// The input is not a key, or reading or writing failed.
pub fn pubkey(input: &mut impl Read, out: &mut impl Write) -> Result<(), KeyToolError> {
    let mut text = Zeroizing::new(String::with_capacity(INPUT_MAX_BYTES));
    let read = input.take(INPUT_MAX_BYTES as u64).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => KeyToolError::NotAKey,
        _ => KeyToolError::Io(error),
    })?;
    let secret = StaticSecret::from_base64(text.trim()).map_err(|_| KeyToolError::NotAKey)?;
    Ok(writeln!(out, "{}", secret.public())?)
}
