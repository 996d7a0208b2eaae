//! A KEM that agrees on a secret and hides nothing: the simulation is about order, loss and time, and ML-KEM took a third of
//! each run. Some runs use the real one all the same.

use std::sync::Arc;

use linkveil_crypto::kem::{CIPHERTEXT_LEN, Decapsulate, ENCAPSULATION_KEY_LEN, KemError};
use linkveil_crypto::{
    DeterministicMlKem768, EncapsulationKey, Kem, KemCiphertext, Random, SharedSecret,
};

/// Which KEM the gateways of a world use. Both ends must have the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KemChoice {
    /// [`PlainKem`].
    Plain,
    /// ML-KEM-768 with randomness from the run's seed.
    MlKem768,
}

impl KemChoice {
    /// The KEM itself.
    #[must_use]
    pub fn build(self) -> Arc<dyn Kem> {
        match self {
            Self::Plain => Arc::new(PlainKem),
            Self::MlKem768 => Arc::new(DeterministicMlKem768),
        }
    }
}

/// Messages of the lengths of ML-KEM-768, and a shared secret that follows from both: the XOR of 32 random bytes in each.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainKem;

impl Kem for PlainKem {
    fn generate(
        &self,
        random: &mut dyn Random,
    ) -> Result<(Box<dyn Decapsulate>, EncapsulationKey), KemError> {
        let mut key = Box::new([0; ENCAPSULATION_KEY_LEN]);
        random.fill(&mut key[..SharedSecret::LEN]);
        let secret = PlainDecapsulation(first_bytes(&*key)?);
        Ok((Box::new(secret), EncapsulationKey::new(key)))
    }

    fn encapsulate(
        &self,
        key: &EncapsulationKey,
        random: &mut dyn Random,
    ) -> Result<(KemCiphertext, SharedSecret), KemError> {
        let mut ciphertext = Box::new([0; CIPHERTEXT_LEN]);
        random.fill(&mut ciphertext[..SharedSecret::LEN]);
        let secret = xor(first_bytes(key.as_bytes())?, first_bytes(&*ciphertext)?);
        Ok((KemCiphertext::new(ciphertext), secret))
    }
}

struct PlainDecapsulation([u8; SharedSecret::LEN]);

impl Decapsulate for PlainDecapsulation {
    fn decapsulate(&self, ciphertext: &KemCiphertext) -> Result<SharedSecret, KemError> {
        Ok(xor(self.0, first_bytes(ciphertext.as_bytes())?))
    }
}

fn first_bytes(message: &[u8]) -> Result<[u8; SharedSecret::LEN], KemError> {
    message.first_chunk().copied().ok_or(KemError::MalformedKey)
}

fn xor(one: [u8; SharedSecret::LEN], other: [u8; SharedSecret::LEN]) -> SharedSecret {
    let mut secret = one;
    for (byte, with) in secret.iter_mut().zip(other) {
        *byte ^= with;
    }
    SharedSecret::copy_from(&secret)
}

#[cfg(test)]
mod tests;
