use super::*;

const ALL: [Ecn; 4] = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];

/// RFC 6040 figure 4, row by row as printed there: inner field, then the outgoing field for each
/// outer field in the order of `ALL`; `None` is "drop".
const FIGURE_4: [(Ecn, [Option<Ecn>; 4]); 4] = {
    const NOT: Option<Ecn> = Some(Ecn::NotEct);
    const ECT0: Option<Ecn> = Some(Ecn::Ect0);
    const ECT1: Option<Ecn> = Some(Ecn::Ect1);
    const CE: Option<Ecn> = Some(Ecn::Ce);
    [
        (Ecn::NotEct, [NOT, NOT, NOT, None]),
        (Ecn::Ect0, [ECT0, ECT0, ECT1, CE]),
        (Ecn::Ect1, [ECT1, ECT1, ECT1, CE]),
        (Ecn::Ce, [CE, CE, CE, CE]),
    ]
};

#[test]
fn decapsulation_follows_figure_4_of_rfc_6040_in_full() {
    // REQ-ECN-2, REQ-ECN-3
    for (inner, row) in FIGURE_4 {
        for (outer, expected) in ALL.into_iter().zip(row) {
            assert_eq!(
                decapsulate(inner, outer).ok(),
                expected,
                "{inner:?} in {outer:?}"
            );
        }
    }
}

#[test]
fn encapsulation_copies_the_mark() {
    // REQ-ECN-1
    for mark in ALL {
        assert_eq!(encapsulate(mark), mark);
        // Undisturbed on the way, every mark comes out as it went in.
        assert_eq!(decapsulate(mark, encapsulate(mark)), Ok(mark));
    }
}

#[test]
fn the_mark_is_the_low_two_bits_and_leaves_the_others() {
    let codes = [0b00, 0b10, 0b01, 0b11];
    for (mark, code) in ALL.into_iter().zip(codes) {
        assert_eq!(mark.bits(), code);
        for tos in 0..=u8::MAX {
            assert_eq!(Ecn::from_tos(tos) == mark, tos % 4 == code);
            assert_eq!(mark.in_tos(tos) >> 2, tos >> 2);
            assert_eq!(Ecn::from_tos(mark.in_tos(tos)), mark);
        }
    }
}
