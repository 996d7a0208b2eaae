//! What the control core counts: handshakes by outcome, and every refusal under its own name.

use linkveil_noise::NoiseError;
use linkveil_sa::counters;
use linkveil_wire::{HandshakeError, LinkError, PayloadError, PortFrameError};

counters! {
    /// Everything that is counted. Whatever the core refuses moves exactly one of these (REQ-CNT-1).
    pub enum ControlCounter {
        /// First initiations of an effort to get keys.
        HandshakesStarted => "handshakes_started",
        /// Initiations that repeat an unanswered one.
        HandshakeRetries => "handshake_retries",
        /// Epochs confirmed, in either role.
        HandshakesCompleted => "handshakes_completed",
        /// Epochs that nobody confirmed in time.
        EpochsUnconfirmed => "epochs_unconfirmed",
        /// Probes sent to a silent peer.
        ProbesSent => "probes_sent",
        /// Probes sent again, because no answer came yet.
        ProbeRepeats => "probe_repeats",
        /// Keepalives sent.
        KeepalivesSent => "keepalives_sent",
        /// Path challenges sent to a new address of a peer.
        ChallengesSent => "path_challenges_sent",
        /// Endpoints that moved, because a path challenge was answered.
        EndpointsMoved => "endpoints_moved",
        /// Path challenges of peers that were answered.
        ChallengesAnswered => "path_challenges_answered",
        /// Authentic datagrams from a new address that caused no challenge, because one was sent just before.
        CandidatesLimited => "path_candidates_limited",
        /// Authentic datagrams from elsewhere than the pinned endpoint.
        CandidatesPinned => "path_candidates_pinned",
        /// Answers to no path challenge of ours.
        PathResponseUnexpected => "path_responses_unexpected",
        /// Handshakes begun because a peer used an SPI that we do not know.
        CalledForUnknownSpi => "called_for_unknown_spi",
        /// A message that is empty, of an unknown type, or data.
        UnknownType => "message_unknown_type",
        /// A message with a length that its type cannot have.
        WrongLength => "message_wrong_length",
        /// A message with reserved bits set.
        ReservedBits => "message_reserved_bits",
        /// A message with SPI 0.
        ZeroSpi => "message_zero_spi",
        /// mac1 was not made for our key.
        WrongMac1 => "handshake_wrong_mac1",
        /// An answer to no pending attempt.
        WrongReceiver => "handshake_wrong_receiver",
        /// Noise refused the message.
        Unauthentic => "handshake_unauthentic",
        /// A Diffie-Hellman result of zero.
        NonContributory => "handshake_non_contributory",
        /// Clear and sealed SPI differ.
        SpiMismatch => "handshake_spi_mismatch",
        /// The ML-KEM key fails its check.
        MalformedKemKey => "handshake_malformed_kem_key",
        /// A ciphertext that nobody asked for.
        UnsolicitedCiphertext => "handshake_unsolicited_ciphertext",
        /// We require ML-KEM, and the response does without.
        PostQuantumMissing => "handshake_post_quantum_missing",
        /// We require ML-KEM, and the initiation does without.
        PostQuantumRequired => "handshake_post_quantum_required",
        /// The peer requires ML-KEM and says so.
        PostQuantumRefused => "handshake_post_quantum_refused",
        /// A cookie reply that does not open.
        UnauthenticCookie => "handshake_unauthentic_cookie",
        /// The handshake library failed.
        Internal => "handshake_internal",
        /// A payload of an impossible length.
        PayloadWrongLength => "payload_wrong_length",
        /// A payload with reserved bits set.
        PayloadReservedBits => "payload_reserved_bits",
        /// A payload with a malformed timestamp.
        PayloadTimestamp => "payload_malformed_timestamp",
        /// A payload with SPI 0.
        PayloadZeroSpi => "payload_zero_spi",
        /// A payload with an impossible number of lanes.
        PayloadLanes => "payload_lanes_out_of_range",
        /// A payload without source ports.
        PayloadSourcePorts => "payload_zero_source_ports",
        /// A payload with an impossible inner MTU.
        PayloadMtu => "payload_mtu_out_of_range",
        /// A payload with an unknown status.
        PayloadStatus => "payload_unknown_status",
        /// A payload whose fields contradict its status.
        PayloadContradiction => "payload_contradicts_status",
        /// A payload with an association number, suite, protection or station that does not exist.
        PayloadPortTerms => "payload_port_terms",
        /// A frame that ends before its message.
        FrameTooShort => "frame_too_short",
        /// A frame for another address or of another EtherType.
        FrameNotForUs => "frame_not_for_us",
        /// A frame from a group address, or from none.
        FrameNoStation => "frame_no_station",
        /// A frame of another protocol that uses our EtherType.
        FrameForeign => "frame_foreign",
        /// A frame of another version.
        FrameVersion => "frame_unknown_version",
        /// A frame with reserved bits set.
        FrameReservedBits => "frame_reserved_bits",
        /// A frame that is longer than its message.
        FrameTooLong => "frame_too_long",
        /// A frame from our own MAC address: another station has it, or the link is a loop.
        FrameOwnAddress => "frame_own_address",
        /// The station in a payload is not the one that sent the frame.
        StationMismatch => "handshake_station_mismatch",
        /// The peer's port has another suite or protection.
        TermsDiffer => "handshake_terms_differ",
        /// The peer says that its port has another suite or protection.
        TermsRefused => "handshake_terms_refused",
        /// An initiation that was not answered, because no association was free to receive under.
        NoAssociation => "handshake_no_association",
        /// Initiations that waited until an association was free.
        AssociationsAwaited => "handshake_associations_awaited",
        /// An initiation of a key that belongs to no peer.
        UnknownPeer => "handshake_unknown_peer",
        /// An initiation whose timestamp is not newer than an accepted one.
        Stale => "handshake_stale",
        /// The peer says that our timestamp is old.
        StaleAnswer => "handshake_stale_answer",
        /// An initiation that lost against our own.
        CrossedIgnored => "handshake_crossed_ignored",
        /// A refusal that was not sent, because one was sent just before.
        RefusalsLimited => "handshake_refusals_limited",
        /// Initiations without a good cookie, over the budget: the sender got a cookie instead of an answer.
        CookieRepliesSent => "cookie_replies_sent",
        /// Cookies that a peer under load gave us.
        CookiesReceived => "cookies_received",
        /// Initiations with a good cookie, over the budget of their source.
        SourceSpent => "handshake_source_limited",
        /// Initiations with a good cookie, over the budget of all of those.
        BudgetSpent => "handshake_budget_limited",
        /// Responses that were not looked at, because a great many were forged.
        ResponsesLimited => "handshake_responses_limited",
        /// An initiation from elsewhere than the pinned endpoint.
        Pinned => "handshake_pinned_elsewhere",
        /// An authentic control frame that this version does not use.
        FramesIgnored => "control_frames_ignored",
        /// An answer to no probe of ours.
        ProbeAckUnexpected => "probe_acks_unexpected",
        /// An SA delete for an SPI that is not the peer's.
        SaDeleteUnknown => "sa_deletes_unknown",
        /// A datagram for keys that were retired lately.
        Tombstone => "unknown_spi_tombstone",
        /// A datagram with an unknown SPI that caused nothing, because one did just before.
        UnknownSpiLimited => "unknown_spi_limited",
        /// A datagram with an unknown SPI from nobody's endpoint.
        UnknownSpiStranger => "unknown_spi_stranger",
        /// A message that was not sent, because too many wait.
        TransmitQueueFull => "transmit_queue_full",
    }
}

impl From<LinkError> for ControlCounter {
    fn from(_: LinkError) -> Self {
        Self::UnknownType
    }
}

impl From<HandshakeError> for ControlCounter {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::WrongType => Self::UnknownType,
            HandshakeError::WrongLength => Self::WrongLength,
            HandshakeError::ReservedBits => Self::ReservedBits,
            HandshakeError::ZeroSpi => Self::ZeroSpi,
        }
    }
}

impl From<PayloadError> for ControlCounter {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::WrongLength => Self::PayloadWrongLength,
            PayloadError::ReservedBits => Self::PayloadReservedBits,
            PayloadError::MalformedTimestamp => Self::PayloadTimestamp,
            PayloadError::ZeroSpi => Self::PayloadZeroSpi,
            PayloadError::LanesOutOfRange => Self::PayloadLanes,
            PayloadError::ZeroSourcePorts => Self::PayloadSourcePorts,
            PayloadError::MtuOutOfRange => Self::PayloadMtu,
            PayloadError::UnknownStatus => Self::PayloadStatus,
            PayloadError::ContradictsStatus => Self::PayloadContradiction,
            PayloadError::PortTerms => Self::PayloadPortTerms,
        }
    }
}

impl From<NoiseError> for ControlCounter {
    fn from(error: NoiseError) -> Self {
        match error {
            NoiseError::WrongMac1 => Self::WrongMac1,
            // Counts as none: the gate never tells.
            NoiseError::WrongMac2 => Self::Internal,
            NoiseError::WrongReceiver => Self::WrongReceiver,
            NoiseError::Unauthentic => Self::Unauthentic,
            NoiseError::NonContributory => Self::NonContributory,
            NoiseError::Payload(error) => error.into(),
            NoiseError::SpiMismatch => Self::SpiMismatch,
            NoiseError::MalformedKemKey => Self::MalformedKemKey,
            NoiseError::UnsolicitedCiphertext => Self::UnsolicitedCiphertext,
            NoiseError::PostQuantumMissing => Self::PostQuantumMissing,
            NoiseError::StationMismatch => Self::StationMismatch,
            NoiseError::TermsDiffer => Self::TermsDiffer,
            NoiseError::UnauthenticCookie => Self::UnauthenticCookie,
            NoiseError::Internal => Self::Internal,
        }
    }
}

impl From<PortFrameError> for ControlCounter {
    fn from(error: PortFrameError) -> Self {
        match error {
            PortFrameError::TooShort => Self::FrameTooShort,
            PortFrameError::NotForUs => Self::FrameNotForUs,
            PortFrameError::NoStation => Self::FrameNoStation,
            PortFrameError::Foreign => Self::FrameForeign,
            PortFrameError::Version => Self::FrameVersion,
            PortFrameError::ReservedBits => Self::FrameReservedBits,
            PortFrameError::TooLong => Self::FrameTooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ-CNT-1
    #[test]
    fn every_counter_has_a_place_and_a_name_of_its_own() {
        linkveil_sa::counter::assert_distinct::<ControlCounter>();
    }
}
