//! Cookies: a responder under load computes no Diffie-Hellman for a sender that has not shown that
//! it receives at its address.
//!
//! A cookie is bound to address and port, or to a station's MAC address. This module makes, seals, opens and checks cookies; when
//! to demand one is the control core's decision.

use std::net::{IpAddr, SocketAddr};

use linkveil_crypto::{Cookie, CookieKey, KeyBytes, PublicKey, Random};
use linkveil_wire::handshake::MAC_LEN;
use linkveil_wire::{CookieReply, Initiation, MacAddr};

use crate::error::NoiseError;
use crate::identity::Identity;

/// Where an initiation came from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CookieSource {
    /// Over UDP.
    Udp(SocketAddr),
    /// From a station on the same Ethernet link.
    Station(MacAddr),
}

impl From<SocketAddr> for CookieSource {
    fn from(address: SocketAddr) -> Self {
        Self::Udp(address)
    }
}

impl From<MacAddr> for CookieSource {
    fn from(station: MacAddr) -> Self {
        Self::Station(station)
    }
}

/// The responder's secrets behind its cookies: the present one and the one before.
///
/// A cookie is good from the moment it is made until the second [`Self::rotate`] after it.
#[derive(Debug)]
pub struct CookieJar {
    current: KeyBytes,
    previous: Option<KeyBytes>,
}

impl CookieJar {
    /// Draws the first secret.
    #[must_use]
    pub fn new(random: &mut dyn Random) -> Self {
        Self {
            current: KeyBytes::generate(random),
            previous: None,
        }
    }

    /// Draws a new secret. Cookies of the one before stay good for one more turn.
    pub fn rotate(&mut self, random: &mut dyn Random) {
        let next = KeyBytes::generate(random);
        self.previous = Some(std::mem::replace(&mut self.current, next));
    }

    /// Makes the 64 bytes that give `source` its cookie, in answer to its initiation. mac1 must
    /// have been checked.
    #[must_use]
    pub fn create_reply(
        &self,
        identity: &Identity,
        message: &Initiation<'_>,
        source: impl Into<CookieSource>,
        random: &mut dyn Random,
    ) -> Vec<u8> {
        let cookie = cookie_of(&self.current, source.into());
        let (key, nonce) = CookieKey::generate(&identity.public_key(), random);
        let sealed = key.seal(&cookie, message.mac1());
        CookieReply {
            receiver: message.sender(),
            nonce: &nonce,
            sealed: &sealed,
        }
        .emit()
    }

    /// Checks mac2 of an initiation from `source`.
    ///
    /// # Errors
    /// [`NoiseError::WrongMac2`].
    pub fn verify_mac2(
        &self,
        message: &Initiation<'_>,
        source: impl Into<CookieSource>,
    ) -> Result<(), NoiseError> {
        let source = source.into();
        let secrets = [Some(&self.current), self.previous.as_ref()];
        for secret in secrets.into_iter().flatten() {
            let cookie = cookie_of(secret, source);
            if cookie
                .verify_mac2(message.bytes_before_mac2(), message.mac2())
                .is_ok()
            {
                return Ok(());
            }
        }
        Err(NoiseError::WrongMac2)
    }
}

/// The cookie of a source: of 18 bytes or of 6, so that no two sources have the same.
fn cookie_of(secret: &KeyBytes, source: CookieSource) -> Cookie {
    match source {
        CookieSource::Udp(address) => Cookie::for_address(secret, &address_bytes(address)),
        CookieSource::Station(station) => Cookie::for_address(secret, &station.octets()),
    }
}

/// Address and port. An IPv4 address is the same whichever socket saw it.
fn address_bytes(source: SocketAddr) -> [u8; 18] {
    let address = match source.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let [high, low] = source.port().to_be_bytes();
    let mut bytes = [0; 18];
    let (head, tail) = bytes.split_at_mut(16);
    head.copy_from_slice(&address.octets());
    tail.copy_from_slice(&[high, low]);
    bytes
}

/// Opens the reply to the message with the given mac1 to the given responder.
pub(crate) fn open_cookie_reply(
    reply: &CookieReply<'_>,
    responder: &PublicKey,
    sent_mac1: &[u8; MAC_LEN],
) -> Result<Cookie, NoiseError> {
    CookieKey::derive(responder, reply.nonce)
        .open(reply.sealed, sent_mac1)
        .map_err(|_| NoiseError::UnauthenticCookie)
}

#[cfg(test)]
mod tests;
