//! Where randomness comes from: always an argument, never a global.

use crate::backend_failed;

/// A source of random bytes. Real ones must be cryptographically secure; tests and the simulator
/// use seeded ones.
pub trait Random: Send {
    /// Fills `out` completely.
    fn fill(&mut self, out: &mut [u8]);
}

/// AWS-LC's generator, seeded by the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// Aborts the process if the system has no randomness to give.
    fn fill(&mut self, out: &mut [u8]) {
        if aws_lc_rs::rand::fill(out).is_err() {
            backend_failed("get randomness");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_randomness_fills_the_whole_buffer_and_does_not_repeat() {
        let (mut first, mut second) = ([0; 64], [0; 64]);
        SystemRandom.fill(&mut first);
        SystemRandom.fill(&mut second);
        // 16 zero bytes at an end come by chance once in 2^128.
        assert_ne!(first[..16], [0; 16]);
        assert_ne!(first[48..], [0; 16]);
        assert_ne!(first, second);
    }
}
