//! Key pairs for configurations and for the hand-made peer.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use linkveil_crypto::{PskPart, PublicKey, StaticSecret, SystemRandom};

/// A new private key.
#[must_use]
pub fn generate() -> StaticSecret {
    StaticSecret::generate(&mut SystemRandom)
}

/// The public key of a private key that nobody has: for peers that are configured and never there.
#[must_use]
pub fn nobody() -> PublicKey {
    generate().public()
}

/// Writes a key file as `linkveil genkey` would be told to: for its owner alone.
///
/// # Panics
///
/// If the file cannot be written.
pub fn write_secret(path: &Path, secret: &StaticSecret) {
    write(path, &secret.to_base64());
}

/// Writes a file with one part of a pre-shared key.
///
/// # Panics
///
/// If the file cannot be written.
pub fn write_psk(path: &Path, part: &PskPart) {
    write(path, &part.to_base64());
}

fn write(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).unwrap();
    writeln!(file, "{text}").unwrap();
}
