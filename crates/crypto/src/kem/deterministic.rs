//! ML-KEM-768 in pure Rust, with all randomness from the caller: for simulation and test vectors.

use ml_kem::ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey as RustEncapsulationKey};
use ml_kem::{B32, Decapsulate as _, Seed};
use zeroize::Zeroizing;

use super::{Decapsulate, EncapsulationKey, Kem, KemCiphertext, KemError};
use crate::random::Random;
use crate::secret::SharedSecret;

/// The implementation whose results depend on nothing but its arguments.
///
/// Key generation draws 64 bytes (d || z of FIPS 203 s7.1), encapsulation 32 (m of s7.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct DeterministicMlKem768;

impl Kem for DeterministicMlKem768 {
    fn generate(
        &self,
        random: &mut dyn Random,
    ) -> Result<(Box<dyn Decapsulate>, EncapsulationKey), KemError> {
        let mut seed = Zeroizing::new(Seed::default());
        random.fill(seed.as_mut_slice());
        let secret = DecapsulationKey::from_seed(*seed);
        let public = ml_kem::KeyExport::to_bytes(secret.encapsulation_key());
        let public = EncapsulationKey::new(Box::new(public.into()));
        Ok((
            Box::new(DeterministicDecapsulation(Box::new(secret))),
            public,
        ))
    }

    fn encapsulate(
        &self,
        key: &EncapsulationKey,
        random: &mut dyn Random,
    ) -> Result<(KemCiphertext, SharedSecret), KemError> {
        let key =
            RustEncapsulationKey::new(key.as_bytes().into()).map_err(|_| KemError::MalformedKey)?;
        let mut message = Zeroizing::new(B32::default());
        random.fill(message.as_mut_slice());
        let (ciphertext, secret) = key.encapsulate_deterministic(&message);
        let secret = Zeroizing::new(secret);
        Ok((
            KemCiphertext::new(Box::new(ciphertext.into())),
            SharedSecret::copy_from(secret.as_ref()),
        ))
    }
}

struct DeterministicDecapsulation(Box<DecapsulationKey>);

impl Decapsulate for DeterministicDecapsulation {
    fn decapsulate(&self, ciphertext: &KemCiphertext) -> Result<SharedSecret, KemError> {
        let ciphertext: &Ciphertext = ciphertext.as_bytes().into();
        let secret = Zeroizing::new(self.0.decapsulate(ciphertext));
        Ok(SharedSecret::copy_from(secret.as_ref()))
    }
}
