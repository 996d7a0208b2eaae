//! All counters, by the standard's names (10.7.3, 10.7.9, 10.7.18) in `snake_case`.
//!
//! Every frame moves exactly one of the counters with `pkts` in their name, whichever set it is in.
//! Those that the standard does not have say so. Octets are those of user data: plain frames without
//! their addresses.

use linkveil_sa::counters;

counters! {
    /// What a transmit channel counts.
    pub enum TxCounter {
        /// Sent with integrity only.
        OutPktsProtected => "out_pkts_protected",
        /// Sent encrypted.
        OutPktsEncrypted => "out_pkts_encrypted",
        /// User data of the former, in octets.
        OutOctetsProtected => "out_octets_protected",
        /// User data of the latter, in octets.
        OutOctetsEncrypted => "out_octets_encrypted",
        /// Discarded: secured, longer than the common port carries.
        OutPktsTooLong => "out_pkts_too_long",
        /// Discarded: shorter than an Ethernet header. Not in the standard.
        OutPktsRunt => "out_pkts_runt",
        /// Discarded: there is no association to send under. Not in the standard.
        OutPktsNoSa => "out_pkts_no_sa",
        /// Discarded: packet numbers or another limit of the key are used up. Not in the standard.
        OutPktsExhausted => "out_pkts_exhausted",
        /// Discarded: the next packet number is not reserved yet. Not in the standard.
        OutPktsUnreserved => "out_pkts_unreserved",
    }
}

counters! {
    /// What reception counts of frames that belong to no channel.
    pub enum SecyCounter {
        /// Delivered: without SecTAG, and validation is not strict.
        InPktsUntagged => "in_pkts_untagged",
        /// Discarded: without SecTAG.
        InPktsNoTag => "in_pkts_no_tag",
        /// Discarded: with a SecTAG that is not valid.
        InPktsBadTag => "in_pkts_bad_tag",
        /// Delivered: of an unknown channel, user data unchanged, and validation is not strict.
        InPktsUnknownSci => "in_pkts_unknown_sci",
        /// Discarded: of an unknown channel.
        InPktsNoSci => "in_pkts_no_sci",
        /// Discarded before they were looked at, for want of room.
        InPktsOverrun => "in_pkts_overrun",
        /// Discarded: shorter than an Ethernet header. Not in the standard.
        InPktsRunt => "in_pkts_runt",
        /// Discarded: E without C, for key agreement only. Not in the standard.
        InPktsUncontrolled => "in_pkts_uncontrolled",
    }
}

counters! {
    /// What a receive channel counts.
    pub enum RxScCounter {
        /// Discarded: the association is not in use.
        InPktsNotUsingSa => "in_pkts_not_using_sa",
        /// Delivered: the association is not in use, user data unchanged, and validation is not
        /// strict.
        InPktsUnusedSa => "in_pkts_unused_sa",
        /// Discarded: the packet number is below the lowest acceptable one.
        InPktsLate => "in_pkts_late",
        /// Discarded: the packet number was accepted once already. Not in the standard.
        InPktsDuplicate => "in_pkts_duplicate",
        /// Discarded: so many frames were not authentic that the key must not be used any more. Not
        /// in the standard.
        InPktsExhausted => "in_pkts_exhausted",
        /// Discarded: not authentic.
        InPktsNotValid => "in_pkts_not_valid",
        /// Delivered: not authentic, user data unchanged, and validation is for counting only.
        InPktsInvalid => "in_pkts_invalid",
        /// Delivered: below the lowest acceptable packet number, without replay protection.
        InPktsDelayed => "in_pkts_delayed",
        /// Delivered: user data unchanged, and validation is disabled.
        InPktsUnchecked => "in_pkts_unchecked",
        /// Delivered: authentic and in time.
        InPktsOk => "in_pkts_ok",
        /// User data that was validated without having been encrypted, in octets.
        InOctetsValidated => "in_octets_validated",
        /// User data that was decrypted, in octets.
        InOctetsDecrypted => "in_octets_decrypted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkveil_sa::counter::assert_distinct;

    #[test]
    fn every_counter_has_its_own_name() {
        assert_distinct::<TxCounter>();
        assert_distinct::<SecyCounter>();
        assert_distinct::<RxScCounter>();
    }
}
