//! The primitives that snow computes with: ours, so that they wipe themselves, refuse
//! non-contributory keys and take randomness from the caller.
//!
//! Functions and nonce formats are those of the Noise specification, revision 34, section 12.

use std::sync::{Arc, OnceLock};

use linkveil_crypto::kdf::{HASH_LEN, Sha256, expand, extract, hmac_sha256};
use linkveil_crypto::{
    KeyBytes, Nonce, OpenKey, PublicKey, Random as CryptoRandom, SealKey, StaticSecret, Suite,
    TAG_LEN, Tag,
};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};

/// Length of X25519 keys and results, in bytes.
const DH_LEN: usize = 32;

/// The randomness of one handshake's ephemeral key, drawn when the message that carries it is
/// written. Snow takes its random source when a handshake is built, which on the responder's side
/// is before anything is known about the caller.
#[derive(Clone, Default)]
pub(crate) struct Ephemeral(Arc<OnceLock<KeyBytes>>);

impl Ephemeral {
    /// Draws the randomness, at most once in the life of a handshake.
    pub(crate) fn draw(&self, random: &mut dyn CryptoRandom) {
        self.0.get_or_init(|| KeyBytes::generate(random));
    }
}

/// Gives out the ephemeral's 32 bytes, once.
struct OneShot {
    ephemeral: Ephemeral,
    spent: bool,
}

impl Random for OneShot {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let bytes = self.ephemeral.0.get().ok_or(Error::Rng)?;
        if self.spent || out.len() != KeyBytes::LEN {
            return Err(Error::Rng);
        }
        self.spent = true;
        out.copy_from_slice(bytes.expose());
        Ok(())
    }
}

/// Resolves the two protocol names of linkveil and nothing else.
pub(crate) struct Resolver(Ephemeral);

impl Resolver {
    pub(crate) const fn new(ephemeral: Ephemeral) -> Self {
        Self(ephemeral)
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(OneShot {
            ephemeral: self.0.clone(),
            spent: false,
        }))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        match choice {
            DHChoice::Curve25519 => Some(Box::new(X25519::default())),
            DHChoice::Curve448 => None,
        }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        match choice {
            HashChoice::SHA256 => Some(Box::new(Sha256Hash::default())),
            _ => None,
        }
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        let suite = match choice {
            CipherChoice::AESGCM => Suite::Aes256Gcm,
            CipherChoice::ChaChaPoly => Suite::ChaCha20Poly1305,
        };
        Some(Box::new(AeadCipher { suite, key: None }))
    }
}

/// X25519 (Noise s12.1).
#[derive(Default)]
struct X25519 {
    secret: Option<StaticSecret>,
    public: [u8; DH_LEN],
}

impl X25519 {
    fn install(&mut self, secret: StaticSecret) {
        self.public = *secret.public().as_bytes();
        self.secret = Some(secret);
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        DH_LEN
    }

    fn priv_len(&self) -> usize {
        DH_LEN
    }

    /// A key of another length leaves this without a key, so that [`Self::dh`] fails.
    fn set(&mut self, secret: &[u8]) {
        if let Ok(secret) = secret.try_into() {
            self.install(StaticSecret::from_bytes(secret));
        }
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut bytes = zeroize::Zeroizing::new([0; DH_LEN]);
        rng.try_fill_bytes(bytes.as_mut_slice())?;
        self.install(StaticSecret::from_bytes(&bytes));
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        match &self.secret {
            Some(secret) => secret.expose(),
            None => &[],
        }
    }

    /// `public` is as long as snow's longest key; ours are the first 32 bytes.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let secret = self.secret.as_ref().ok_or(Error::Dh)?;
        let public = PublicKey::new(*public.first_chunk().ok_or(Error::Dh)?);
        let out = out.first_chunk_mut().ok_or(Error::Dh)?;
        let shared = secret.diffie_hellman(&public).map_err(|_| Error::Dh)?;
        *out = *shared.expose();
        Ok(())
    }
}

/// AESGCM and ChaChaPoly (Noise s12.3 and s12.4).
struct AeadCipher {
    suite: Suite,
    key: Option<KeyBytes>,
}

impl AeadCipher {
    /// 32 zero bits, then the counter: big-endian for AESGCM, little-endian for ChaChaPoly.
    fn nonce(&self, counter: u64) -> Nonce {
        let [a, b, c, d, e, f, g, h] = match self.suite {
            Suite::Aes256Gcm => counter.to_be_bytes(),
            Suite::ChaCha20Poly1305 => counter.to_le_bytes(),
        };
        Nonce::new([0, 0, 0, 0, a, b, c, d, e, f, g, h])
    }

    fn try_encrypt(&self, nonce: Nonce, aad: &[u8], text: &[u8], out: &mut [u8]) -> Option<usize> {
        let key = SealKey::new(self.suite, self.key.as_ref()?);
        let (body, rest) = out.split_at_mut_checked(text.len())?;
        let tag = rest.first_chunk_mut::<TAG_LEN>()?;
        body.copy_from_slice(text);
        *tag = *key.seal_in_place(nonce, aad, body).as_bytes();
        Some(text.len() + TAG_LEN)
    }

    fn try_decrypt(&self, nonce: Nonce, aad: &[u8], text: &[u8], out: &mut [u8]) -> Option<usize> {
        let key = OpenKey::new(self.suite, self.key.as_ref()?);
        let (text, tag) = text.split_last_chunk::<TAG_LEN>()?;
        let body = out.get_mut(..text.len())?;
        body.copy_from_slice(text);
        key.open_in_place(nonce, aad, body, &Tag::new(*tag)).ok()?;
        Some(text.len())
    }
}

impl Cipher for AeadCipher {
    fn name(&self) -> &'static str {
        match self.suite {
            Suite::Aes256Gcm => "AESGCM",
            Suite::ChaCha20Poly1305 => "ChaChaPoly",
        }
    }

    fn set(&mut self, key: &[u8; KeyBytes::LEN]) {
        self.key = Some(KeyBytes::new(*key));
    }

    /// Without a key or room nothing is written. Snow asks for neither; a message that short
    /// would not pass the length check before it is sent.
    fn encrypt(&self, nonce: u64, aad: &[u8], text: &[u8], out: &mut [u8]) -> usize {
        self.try_encrypt(self.nonce(nonce), aad, text, out)
            .unwrap_or(0)
    }

    fn decrypt(&self, nonce: u64, aad: &[u8], text: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.try_decrypt(self.nonce(nonce), aad, text, out)
            .ok_or(Error::Decrypt)
    }
}

/// SHA-256 with HMAC and HKDF on top (Noise s4.3).
#[derive(Default)]
struct Sha256Hash(Sha256);

/// Snow's buffers have room for the longest hash of any suite, and none for outputs it has no use
/// for.
fn put(out: &mut [u8], hash: &[u8]) {
    if let Some(out) = out.get_mut(..hash.len()) {
        out.copy_from_slice(hash);
    }
}

impl Hash for Sha256Hash {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        HASH_LEN
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        put(out, &std::mem::take(&mut self.0).finish());
    }

    fn hmac(&mut self, key: &[u8], data: &[u8], out: &mut [u8]) {
        put(out, hmac_sha256(key, data).expose());
    }

    /// Noise's HKDF is that of RFC 5869 with an empty info.
    fn hkdf(
        &mut self,
        chaining_key: &[u8],
        input_key_material: &[u8],
        outputs: usize,
        out1: &mut [u8],
        out2: &mut [u8],
        out3: &mut [u8],
    ) {
        let prk = extract(chaining_key, input_key_material);
        let okm = expand::<{ 3 * HASH_LEN }>(&prk, &[]);
        for (hash, out) in okm
            .chunks_exact(HASH_LEN)
            .zip([out1, out2, out3])
            .take(outputs)
        {
            put(out, hash);
        }
    }
}

#[cfg(test)]
mod tests;
