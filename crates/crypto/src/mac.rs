//! The MACs outside Noise that keep floods away from its Diffie-Hellman operations, and the cookie.
//!
//! mac1 shows that the sender knows whom it calls. A cookie, once sent to an address and seen
//! again as the key of mac2, shows that the sender receives at that address.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::aead::{NONCE_LEN, Nonce, OpenFailed, OpenKey, SealKey, TAG_LEN, Tag};
use crate::kdf::{Sha256, expand, extract, hmac_sha256};
use crate::keys::PublicKey;
use crate::opaque_debug;
use crate::random::Random;
use crate::secret::KeyBytes;
use crate::suite::Suite;

/// Length of mac1 and of mac2, in bytes.
pub const MAC_LEN: usize = 16;
/// Length of a cookie, in bytes.
pub const COOKIE_LEN: usize = 16;
/// Length of the nonce that salts a cookie's key, in bytes.
pub const COOKIE_NONCE_LEN: usize = 24;
/// Length of a sealed cookie with its tag, in bytes.
pub const SEALED_COOKIE_LEN: usize = COOKIE_LEN + TAG_LEN;

const MAC1_LABEL: &[u8] = b"linkveil1 mac1";
const COOKIE_LABEL: &[u8] = b"linkveil1 cookie";

/// A MAC that the message does not have under this key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("wrong MAC")]
pub struct WrongMac;

fn truncated_hmac(key: &[u8], bytes: &[u8]) -> [u8; MAC_LEN] {
    let mac = hmac_sha256(key, bytes);
    let (mac, _) = mac
        .expose()
        .split_first_chunk()
        .unwrap_or((&[0; MAC_LEN], &[]));
    *mac
}

fn verify(expected: &[u8; MAC_LEN], mac: &[u8; MAC_LEN]) -> Result<(), WrongMac> {
    verify_slices_are_equal(expected, mac).map_err(|_| WrongMac)
}

/// The key of mac1 toward one receiver. Whoever knows the receiver's public key can make it.
#[derive(Clone)]
pub struct Mac1Key([u8; 32]);

impl Mac1Key {
    /// `SHA-256("linkveil1 mac1" || receiver's static public key)`.
    #[must_use]
    pub fn for_receiver(receiver: &PublicKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(MAC1_LABEL);
        hash.update(receiver.as_bytes());
        Self(hash.finish())
    }

    /// The first 16 bytes of `HMAC-SHA256(self, bytes)`.
    #[must_use]
    pub fn mac(&self, bytes: &[u8]) -> [u8; MAC_LEN] {
        truncated_hmac(&self.0, bytes)
    }

    /// Compares in constant time.
    ///
    /// # Errors
    /// [`WrongMac`].
    pub fn verify(&self, bytes: &[u8], mac: &[u8; MAC_LEN]) -> Result<(), WrongMac> {
        verify(&self.mac(bytes), mac)
    }
}

/// What a responder under load gives to an address: the key of mac2.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Cookie([u8; COOKIE_LEN]);

impl Cookie {
    /// Takes the bytes over.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; COOKIE_LEN]) -> Self {
        Self(bytes)
    }

    /// The cookie of an address: the first 16 bytes of `HMAC-SHA256(secret, address)`. The secret
    /// is the responder's own and changes often.
    #[must_use]
    pub fn for_address(secret: &KeyBytes, address: &[u8]) -> Self {
        Self(truncated_hmac(secret.expose(), address))
    }

    /// The first 16 bytes of `HMAC-SHA256(self, bytes)`.
    #[must_use]
    pub fn mac2(&self, bytes: &[u8]) -> [u8; MAC_LEN] {
        truncated_hmac(&self.0, bytes)
    }

    /// Compares in constant time.
    ///
    /// # Errors
    /// [`WrongMac`].
    pub fn verify_mac2(&self, bytes: &[u8], mac: &[u8; MAC_LEN]) -> Result<(), WrongMac> {
        verify(&self.mac2(bytes), mac)
    }
}

/// The key that seals one cookie: AES-256-GCM under nonce 0, whatever the suite, and used once.
///
/// It comes from public values. Sealing does not hide the cookie from one who knows the
/// responder's public key and sees the reply; it binds the cookie to the message that is answered,
/// so that only one who saw that message can plant one.
pub struct CookieKey(KeyBytes);

impl CookieKey {
    /// `HKDF(salt = nonce, ikm = responder's static public key, info = "linkveil1 cookie")`.
    #[must_use]
    pub fn derive(responder: &PublicKey, nonce: &[u8; COOKIE_NONCE_LEN]) -> Self {
        let prk = extract(nonce, responder.as_bytes());
        Self(KeyBytes::new(*expand(&prk, &[COOKIE_LABEL])))
    }

    /// Draws the nonce of one reply and derives its key.
    #[must_use]
    pub fn generate(
        responder: &PublicKey,
        random: &mut dyn Random,
    ) -> (Self, [u8; COOKIE_NONCE_LEN]) {
        let mut nonce = [0; COOKIE_NONCE_LEN];
        random.fill(&mut nonce);
        (Self::derive(responder, &nonce), nonce)
    }

    /// Seals a cookie in answer to the message whose mac1 is given.
    #[must_use]
    pub fn seal(self, cookie: &Cookie, mac1: &[u8; MAC_LEN]) -> [u8; SEALED_COOKIE_LEN] {
        let mut sealed = [0; SEALED_COOKIE_LEN];
        let (body, tail) = sealed.split_at_mut(COOKIE_LEN);
        body.copy_from_slice(&cookie.0);
        let key = SealKey::new(Suite::Aes256Gcm, &self.0);
        let tag = key.seal_in_place(Nonce::new([0; NONCE_LEN]), mac1, body);
        tail.copy_from_slice(tag.as_bytes());
        sealed
    }

    /// Opens a cookie that answers the message whose mac1 is given.
    ///
    /// # Errors
    /// [`OpenFailed`] if the reply was not made for this responder key and this message.
    pub fn open(
        self,
        sealed: &[u8; SEALED_COOKIE_LEN],
        mac1: &[u8; MAC_LEN],
    ) -> Result<Cookie, OpenFailed> {
        let (body, tag) = sealed.split_first_chunk().ok_or(OpenFailed)?;
        let tag = Tag::new(tag.try_into().map_err(|_| OpenFailed)?);
        let mut cookie = Cookie(*body);
        let key = OpenKey::new(Suite::Aes256Gcm, &self.0);
        key.open_in_place(Nonce::new([0; NONCE_LEN]), mac1, &mut cookie.0, &tag)?;
        Ok(cookie)
    }
}

opaque_debug!(Mac1Key, Cookie, CookieKey);

#[cfg(test)]
mod tests;
