//! Handshake messages of strangers: who knows a gateway's public key can make all of these.

use std::net::{Ipv4Addr, SocketAddr};

use linkveil_crypto::{Cookie, Mac1Key, PublicKey};
use linkveil_wire::handshake::{
    INITIATION_NOISE_LEN_HYBRID, Mac1Done, RESPONSE_NOISE_LEN_HYBRID, Unmacced,
};
use linkveil_wire::{LaneCount, Spi};

use crate::dial::initiation;
use crate::dice::Dice;
use crate::keys;
use crate::peer::Call;

/// Stands where a message has no address in it.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// An SPI that nobody chose for a purpose.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn any_spi(dice: &mut Dice) -> Spi {
    let number = u32::try_from(dice.number() >> 32).unwrap();
    Spi::new(number.max(1)).unwrap()
}

/// An initiation whose mac1 is right for the receiver and whose Noise part is garbage.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn garbage_initiation(receiver: &PublicKey, dice: &mut Dice) -> Vec<u8> {
    garbage_with_mac1(receiver, dice).without_cookie()
}

/// The same with a right mac2 under a cookie of the receiver.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn garbage_initiation_with(cookie: &Cookie, receiver: &PublicKey, dice: &mut Dice) -> Vec<u8> {
    let message = garbage_with_mac1(receiver, dice);
    let mac2 = cookie.mac2(message.bytes());
    message.with_mac2(&mac2)
}

fn garbage_with_mac1(receiver: &PublicKey, dice: &mut Dice) -> Mac1Done {
    let noise = dice.bytes(INITIATION_NOISE_LEN_HYBRID);
    let message = Unmacced::initiation(any_spi(dice), &noise).unwrap();
    let mac1 = Mac1Key::for_receiver(receiver).mac(message.bytes());
    message.with_mac1(&mac1)
}

/// A response to nothing, with a right mac1.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn garbage_response(receiver: &PublicKey, dice: &mut Dice) -> Vec<u8> {
    let noise = dice.bytes(RESPONSE_NOISE_LEN_HYBRID);
    let message = Unmacced::response(any_spi(dice), any_spi(dice), &noise).unwrap();
    let mac1 = Mac1Key::for_receiver(receiver).mac(message.bytes());
    message.with_mac1(&mac1).without_cookie()
}

/// A flawless initiation of somebody who is no peer of the receiver.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn initiation_of_a_stranger(receiver: &PublicKey, dice: &mut Dice) -> Vec<u8> {
    let call = Call {
        secret: keys::generate(),
        local: NOWHERE,
        remote: NOWHERE,
        public_key: *receiver,
        lanes: LaneCount::ONE,
    };
    let (message, _) = initiation(&call, any_spi(dice), None);
    message
}
