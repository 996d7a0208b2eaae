//! What holds for every secret of the crate, whatever its module.

use crate::aead::{Iv, Nonce, OpenKey, SealKey};
use crate::epoch::{EpochSecret, HandshakeHash, LaneKeys};
use crate::kem::Decapsulate;
use crate::keys::StaticSecret;
use crate::mac::{Cookie, CookieKey};
use crate::psk::{Psk, PskPart};
use crate::secret::{KeyBytes, SharedSecret};
use crate::suite::Suite;

/// Does not compile if one of the types is `Clone` (or `Copy`) or `Display`: two of the
/// implementations of `Ambiguous` would apply to it then.
macro_rules! assert_neither_clone_nor_display {
    ($($secret:ty),+ $(,)?) => {$(
        const _: fn() = || {
            struct HasIt;
            trait Ambiguous<A> {
                fn found() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + Clone> Ambiguous<HasIt> for T {}
            impl<T: ?Sized + std::fmt::Display> Ambiguous<[HasIt; 1]> for T {}
            let _ = <$secret as Ambiguous<_>>::found;
        };
    )+};
}

// REQ-KEY-5: a copy would be one more place to wipe.
assert_neither_clone_nor_display!(KeyBytes, SharedSecret, StaticSecret, Psk, PskPart);
assert_neither_clone_nor_display!(EpochSecret, HandshakeHash, LaneKeys, Cookie, CookieKey);
assert_neither_clone_nor_display!(SealKey, OpenKey, Iv, Nonce, dyn Decapsulate);
#[cfg(feature = "rustcrypto")]
assert_neither_clone_nor_display!(crate::rustcrypto::SealKey, crate::rustcrypto::OpenKey);

// REQ-DATA-4: the tries of an attacker leave the key as it was.
#[test]
fn a_key_opens_what_is_authentic_after_forgeries() {
    for suite in Suite::ALL {
        let key = KeyBytes::new([0x42; 32]);
        let mut text = *b"a plaintext";
        let nonce = || Nonce::new(*b"nonce of 12.");
        let tag = SealKey::new(suite, &key).seal_in_place(nonce(), b"aad", &mut text);
        let key = OpenKey::new(suite, &key);
        for _ in 0..3 {
            let mut forged = [0x55; 11];
            let refused = key.open_in_place(nonce(), b"aad", &mut forged, &tag);
            assert_eq!((refused.is_err(), forged), (true, [0; 11]));
        }
        let opened = key.open_in_place(nonce(), b"aad", &mut text, &tag);
        assert_eq!((opened.is_ok(), &text), (true, b"a plaintext"));
    }
}
