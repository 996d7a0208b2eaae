use super::*;
use etherparse::checksum::Sum16BitWords;
use proptest::prelude::*;

#[test]
fn the_example_of_rfc_1071_sums_to_its_result() {
    // RFC 1071 s3: 00 01 f2 03 f4 f5 f6 f7 has the sum ddf2.
    let bytes = hex::decode("0001f203f4f5f6f7").unwrap();
    assert_eq!(Checksum::new().add_bytes(&bytes).fold(), 0xddf2);
    assert_eq!(Checksum::new().add_bytes(&bytes).finish(), 0x220d);
}

#[test]
fn the_example_of_rfc_1624_updates_to_its_result() {
    // RFC 1624 s4: word 0x5555 becomes 0x3285 under checksum 0xdd2f, new checksum 0x0000.
    assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

#[test]
fn an_odd_last_byte_counts_as_the_high_half_of_a_word() {
    assert_eq!(Checksum::new().add_bytes(&[0xab]).fold(), 0xab00);
    assert_eq!(
        Checksum::new().add_bytes(&[1, 2, 3, 4, 5, 6, 7]).fold(),
        0x0102 + 0x0304 + 0x0506 + 0x0700
    );
    assert_eq!(Checksum::new().add_bytes(&[]).finish(), 0xffff);
}

#[test]
fn a_header_with_its_checksum_sums_to_zero() {
    let header = hex::decode("45000073000040004011b861c0a80001c0a800c7").unwrap();
    assert_eq!(Checksum::new().add_bytes(&header).finish(), 0);
}

proptest! {
    #[test]
    fn sums_agree_with_etherparse(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let ours = Checksum::new().add_bytes(&bytes).finish();
        let theirs = Sum16BitWords::new().add_slice(&bytes).ones_complement();
        prop_assert_eq!(ours, theirs.to_be());
    }

    #[test]
    fn a_sum_in_parts_is_the_sum_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..100_usize) {
        let (head, tail) = bytes.split_at((2 * cut).min(bytes.len() / 2 * 2));
        let parts = Checksum::new().add_bytes(head).add_bytes(tail).fold();
        prop_assert_eq!(parts, Checksum::new().add_bytes(&bytes).fold());
    }

    #[test]
    fn an_incremental_update_equals_a_new_sum(
        mut words in prop::collection::vec(any::<u16>(), 2..20), at in any::<prop::sample::Index>(), new in any::<u16>(),
    ) {
        // No IP header is all zeros: its first byte is the version.
        words[0] |= 0x4000;
        let sum = |words: &[u16]| words.iter().fold(Checksum::new(), |sum, word| sum.add_u16(*word)).finish();
        let before = sum(&words);
        let at = 1 + at.index(words.len() - 1);
        let old = std::mem::replace(&mut words[at], new);
        prop_assert_eq!(update(before, old, new), sum(&words));
    }
}

/// Word by word, as RFC 1071 section 1 says.
fn word_by_word(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| {
        let low = word.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([word[0], low]))
    });
    Checksum(words.sum()).fold()
}

#[test]
fn a_sum_of_many_words_at_once_is_that_of_one_after_the_other() {
    let mixed = (0..600_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8);
    let mixed: Vec<u8> = mixed.collect();
    for bytes in [mixed, vec![0xff; 600], vec![0; 600]] {
        for len in 0..=bytes.len() {
            let bytes = &bytes[..len];
            assert_eq!(Checksum::new().add_bytes(bytes).fold(), word_by_word(bytes));
        }
    }
    let longest = vec![0xff; 1 << 20];
    assert_eq!(Checksum::new().add_bytes(&longest).fold(), 0xffff);
}
