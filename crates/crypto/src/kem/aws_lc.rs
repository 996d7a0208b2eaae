//! ML-KEM-768 of AWS-LC. It draws its randomness itself; the [`Random`] of the calls is not used.

use aws_lc_rs::kem::{
    AlgorithmId, Ciphertext, DecapsulationKey, EncapsulationKey as AwsEncapsulationKey, ML_KEM_768,
};

use super::{Decapsulate, EncapsulationKey, Kem, KemCiphertext, KemError};
use crate::random::Random;
use crate::secret::SharedSecret;

/// The implementation for real use.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLcMlKem768;

/// Copies bytes whose length only the backend knows.
fn boxed<const N: usize>(bytes: &[u8]) -> Result<Box<[u8; N]>, KemError> {
    let bytes: [u8; N] = bytes.try_into().map_err(|_| KemError::Backend)?;
    Ok(Box::new(bytes))
}

fn shared(secret: &aws_lc_rs::kem::SharedSecret) -> Result<SharedSecret, KemError> {
    let bytes = secret.as_ref().try_into();
    bytes
        .map(SharedSecret::copy_from)
        .map_err(|_| KemError::Backend)
}

impl Kem for AwsLcMlKem768 {
    fn generate(
        &self,
        _random: &mut dyn Random,
    ) -> Result<(Box<dyn Decapsulate>, EncapsulationKey), KemError> {
        let secret = DecapsulationKey::generate(&ML_KEM_768).map_err(|_| KemError::Backend)?;
        let public = secret.encapsulation_key().map_err(|_| KemError::Backend)?;
        let public = public.key_bytes().map_err(|_| KemError::Backend)?;
        let public = EncapsulationKey::new(boxed(public.as_ref())?);
        Ok((Box::new(AwsLcDecapsulation(secret)), public))
    }

    fn encapsulate(
        &self,
        key: &EncapsulationKey,
        _random: &mut dyn Random,
    ) -> Result<(KemCiphertext, SharedSecret), KemError> {
        // AWS-LC checks the key in one of these two steps; nothing else can fail in them.
        let key = AwsEncapsulationKey::new(&ML_KEM_768, key.as_bytes())
            .map_err(|_| KemError::MalformedKey)?;
        let (ciphertext, secret) = key.encapsulate().map_err(|_| KemError::MalformedKey)?;
        let ciphertext = KemCiphertext::new(boxed(ciphertext.as_ref())?);
        Ok((ciphertext, shared(&secret)?))
    }
}

struct AwsLcDecapsulation(DecapsulationKey<AlgorithmId>);

impl Decapsulate for AwsLcDecapsulation {
    fn decapsulate(&self, ciphertext: &KemCiphertext) -> Result<SharedSecret, KemError> {
        let ciphertext = Ciphertext::from(ciphertext.as_bytes().as_slice());
        let secret = self
            .0
            .decapsulate(ciphertext)
            .map_err(|_| KemError::Backend)?;
        shared(&secret)
    }
}
