//! The Internet checksum: RFC 1071, its incremental update: RFC 1624, and the pseudo-headers of
//! RFC 9293 s3.1 and RFC 8200 s8.1.

use std::net::IpAddr;

/// What is summed at once: as many words as fill the registers of a processor twice over.
const BLOCK_LEN: usize = 64;
const WORDS: usize = BLOCK_LEN / size_of::<u64>();

/// A running one's complement sum of 16-bit big-endian words.
///
/// Kept in 64 bits and folded at the end: 2^32 words of 32 bits fit, no packet has that many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Checksum(u64);

impl Checksum {
    /// The sum of nothing.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds bytes as big-endian words; an odd last byte counts as if a zero followed, so only the
    /// last call may have an odd length.
    ///
    /// The sum is made in the machine's byte order and swapped once at the end (RFC 1071 section 2
    /// (B)), and without a look at overflow, which there is none of: so it is made of several words
    /// at once.
    #[inline]
    pub fn add_bytes(self, bytes: &[u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks::<BLOCK_LEN>();
        let (words, tail) = rest.as_chunks::<4>();
        let words = words.iter().map(|word| u32::from_ne_bytes(*word));
        let sum = words.fold(0_u64, |sum, word| sum.wrapping_add(u64::from(word)));
        let mut last = [0; 4];
        for (slot, byte) in last.iter_mut().zip(tail) {
            *slot = *byte;
        }
        let swapped =
            Self(sum + sum_of_blocks(blocks) + u64::from(u32::from_ne_bytes(last))).fold();
        self.add_u16(u16::from_be(swapped))
    }

    /// Adds one word.
    pub const fn add_u16(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// Adds the pseudo-header of a transport segment of `len` bytes. Addresses of two families
    /// cannot come from one packet; they would just be summed.
    pub fn add_pseudo_header(self, ends: (IpAddr, IpAddr), protocol: u8, len: u16) -> Self {
        self.add_address(ends.0)
            .add_address(ends.1)
            .add_u16(u16::from(protocol))
            .add_u16(len)
    }

    fn add_address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.add_bytes(&address.octets()),
            IpAddr::V6(address) => self.add_bytes(&address.octets()),
        }
    }

    /// The sum folded to 16 bits, not complemented: what a partial checksum field holds.
    #[must_use]
    pub const fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let [.., high, low] = sum.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The checksum: complement of the folded sum. Summed over data with a right checksum in it,
    /// this is 0.
    #[must_use]
    pub const fn finish(self) -> u16 {
        !self.fold()
    }
}

/// The sum of blocks as 32-bit words in the machine's byte order, below 2^63 for anything in memory.
///
/// Words of 64 bits need fewer steps, but overflow. So their upper halves are summed apart, and the
/// lower halves' sum is what the whole words' sum leaves modulo 2^64 when the upper halves are taken
/// out of it.
#[inline]
fn sum_of_blocks(blocks: &[[u8; BLOCK_LEN]]) -> u64 {
    let (mut whole, mut upper) = ([0_u64; WORDS], [0_u64; WORDS]);
    for block in blocks {
        let (words, _) = block.as_chunks();
        for ((whole, upper), word) in whole.iter_mut().zip(&mut upper).zip(words) {
            let word = u64::from_ne_bytes(*word);
            *whole = whole.wrapping_add(word);
            *upper = upper.wrapping_add(word >> 32);
        }
    }
    let sum = |words: [u64; WORDS]| words.into_iter().fold(0, u64::wrapping_add);
    let (whole, upper) = (sum(whole), sum(upper));
    whole.wrapping_sub(upper << 32).wrapping_add(upper)
}

/// A header checksum after one 16-bit word of the header has changed (RFC 1624 s3, equation 3).
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    Checksum::new()
        .add_u16(!checksum)
        .add_u16(!old)
        .add_u16(new)
        .finish()
}

#[cfg(test)]
mod tests;
