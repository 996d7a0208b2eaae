//! Everything that a lane drops, each reason under its own name, and what lanes do besides carrying packets.

use linkveil_sa::{OpenError, SealError, counters};
use linkveil_wire::{ControlError, GeneveError, InnerError, LinkError};

counters! {
    /// Why a packet or datagram was dropped. Each moves exactly one of these (REQ-CNT-1).
    pub enum DropReason {
        /// From a tenant: shorter than an IP header, or than an Ethernet header in an Ethernet VPC.
        TxTooShort => "tx_too_short",
        /// From a tenant: neither IPv4 nor IPv6.
        TxUnknownVersion => "tx_unknown_ip_version",
        /// From a tenant: an impossible IPv4 header length.
        TxHeaderLength => "tx_ip_header_length",
        /// From a tenant: another length than its IP header says.
        TxTotalLength => "tx_ip_total_length",
        /// From a tenant: a frame whose source MAC address is zero or that of a group.
        TxSourceMac => "tx_source_mac",
        /// From a tenant: a frame for a station that is known to be on this side.
        LocalDestination => "local_destination",
        /// From a tenant: a super-packet that is neither TCP nor UDP by our own parse, or has impossible headers.
        TxNotSplittable => "tx_not_splittable",
        /// No prefix of the VPC holds the destination; or an Ethernet VPC has no peers.
        NoRoute => "no_route",
        /// The peer's address is not known yet.
        NoEndpoint => "no_endpoint",
        /// There are no keys to send to the peer under.
        NoEpoch => "no_epoch",
        /// Larger than the peer's inner MTU.
        TooBig => "too_big",
        /// The sending key has reached a hard limit.
        TxExhausted => "tx_key_exhausted",
        /// The sending key has passed its hard deadline.
        TxExpired => "tx_key_expired",
        /// No room in the send queue. Back-pressure keeps this at zero.
        SendQueueFull => "send_queue_full",
        /// The underlay's link takes no datagram of that size.
        UnderlayTooBig => "underlay_too_big",
        /// The underlay refused the datagram: no route, host unreachable, forbidden.
        UnderlayRefused => "underlay_refused",
        /// Shorter than any data datagram.
        TooShort => "too_short",
        /// A type byte that version 1 does not have.
        UnknownType => "unknown_type",
        /// A handshake message in a data socket.
        NotData => "not_data",
        /// A lane byte of 64 or more.
        LaneOutOfRange => "lane_out_of_range",
        /// Reserved bits of the link header are set.
        ReservedBits => "reserved_bits",
        /// SPI 0.
        ZeroSpi => "zero_spi",
        /// Packet number 0.
        ZeroPacketNumber => "zero_packet_number",
        /// The way to the owner's lane is full.
        StrayDropped => "stray_dropped",
        /// No keys for this SPI.
        UnknownSpi => "unknown_spi",
        /// The sender's lane was not announced.
        LaneNotAnnounced => "lane_not_announced",
        /// Another lane owns the sender's lane. Forwarding keeps this at zero.
        NotOwner => "not_owner",
        /// The receiving key has passed its hard deadline.
        RxExpired => "rx_key_expired",
        /// The receiving key has reached a hard limit.
        RxExhausted => "rx_key_exhausted",
        /// The packet number was received before.
        Duplicate => "duplicate",
        /// The packet number is behind the replay window.
        TooOld => "too_old",
        /// Not authentic.
        Unauthentic => "unauthentic",
        /// Authentic, shorter than a Geneve header.
        GeneveTooShort => "geneve_too_short",
        /// Authentic, another Geneve version than 0.
        GeneveVersion => "geneve_unknown_version",
        /// Authentic, reserved bits set.
        GeneveReservedBits => "geneve_reserved_bits",
        /// Authentic, options that run over their end.
        GeneveOptions => "geneve_options_overrun",
        /// Authentic, a C bit that contradicts the options.
        GeneveCriticalBit => "geneve_critical_bit",
        /// Authentic, a critical option that we do not know.
        GeneveUnknownOption => "geneve_unknown_critical_option",
        /// Authentic, linkveil's option twice or misshapen.
        GeneveMalformedOption => "geneve_malformed_option",
        /// Authentic, an unknown inner protocol.
        GeneveProtocol => "geneve_unknown_protocol",
        /// Authentic, an inner length beyond the frame.
        GeneveInnerLength => "geneve_inner_length",
        /// Authentic, a control frame with a wrong Geneve header.
        ControlHeader => "control_malformed_header",
        /// Authentic, a control frame that ends too early.
        ControlTooShort => "control_too_short",
        /// Authentic, a control frame of an unknown kind.
        ControlUnknownKind => "control_unknown_kind",
        /// Authentic, a control frame with reserved bits set.
        ControlReservedBits => "control_reserved_bits",
        /// Authentic, a control frame with SPI 0.
        ControlZeroSpi => "control_zero_spi",
        /// Authentic, an Ethernet frame for a VPC of IP packets, or an IP packet for an Ethernet VPC.
        WrongVpcKind => "wrong_vpc_kind",
        /// Authentic, a VNI that the peer may not use.
        UnknownVni => "unknown_vni",
        /// Authentic, shorter than an IP header, or than an Ethernet header in an Ethernet VPC.
        RxTooShort => "rx_too_short",
        /// Authentic, neither IPv4 nor IPv6.
        RxUnknownVersion => "rx_unknown_ip_version",
        /// Authentic, an impossible IPv4 header length.
        RxHeaderLength => "rx_ip_header_length",
        /// Authentic, another length than its IP header says.
        RxTotalLength => "rx_ip_total_length",
        /// Authentic, an IP version that contradicts the Geneve header.
        ProtocolMismatch => "protocol_mismatch",
        /// Authentic, a source that is not the peer's.
        WrongSource => "wrong_source",
        /// Authentic, a frame whose source MAC address is zero or that of a group.
        RxSourceMac => "rx_source_mac",
        /// Authentic, a frame whose source is a station of the local side.
        LocalMac => "local_mac_from_peer",
        /// Authentic, marked CE on the way though its transport cannot be told so (RFC 6040).
        IllegalEcn => "illegal_ecn",
        /// Authentic, a partial checksum where none can be.
        PartialChecksum => "invalid_partial_checksum",
        /// The device did not take it: it is down, or its queue is full.
        DeviceRefused => "device_refused",
    }
}

counters! {
    /// What lanes do besides carrying packets.
    pub enum LaneCounter {
        /// Datagrams passed on to the lane that owns them.
        StrayForwarded => "stray_forwarded",
        /// Datagrams taken over from other lanes.
        StrayReceived => "stray_received",
        /// Times that the underlay took no more and the devices had to wait.
        UnderlayBlocked => "underlay_blocked",
        /// Sockets that send at most 64 datagrams at once, because the kernel takes no more.
        SegmentationShortened => "segmentation_shortened",
        /// Sockets that send single datagrams, because the kernel refused trains.
        SegmentationOff => "segmentation_turned_off",
        /// Trains that were longer than a receive buffer; their last datagram is cut and does not authenticate.
        TrainTruncated => "trains_truncated",
        /// Link control frames sent.
        ControlSent => "control_frames_sent",
        /// Link control frames that were not sent: other keys are in use by now, or no room.
        ControlUnsent => "control_frames_unsent",
        /// Link control frames received.
        ControlReceived => "control_frames_received",
        /// Events for control that were left out, because too many wait.
        EventsDropped => "events_dropped",
        /// Senders of packets that were too big, told so by ICMP.
        TooBigSent => "icmp_too_big_sent",
        /// Senders that were not told, because many had just been.
        TooBigLimited => "icmp_too_big_limited",
        /// Senders that were not told, because no ICMP may be sent about such a packet, or the device did not take it.
        TooBigUnsent => "icmp_too_big_unsent",
        /// TCP SYNs whose segment size was lowered to the path, in either direction.
        MssLowered => "tcp_mss_lowered",
        /// Sightings of stations that were not told to control yet, because too many wait.
        SightingsDeferred => "mac_sightings_deferred",
    }
}

impl From<LinkError> for DropReason {
    #[inline]
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::TooShort => Self::TooShort,
            LinkError::UnknownType => Self::UnknownType,
            LinkError::NotData => Self::NotData,
            LinkError::LaneOutOfRange => Self::LaneOutOfRange,
            LinkError::ReservedBits => Self::ReservedBits,
            LinkError::ZeroSpi => Self::ZeroSpi,
            LinkError::ZeroPacketNumber => Self::ZeroPacketNumber,
        }
    }
}

impl From<OpenError> for DropReason {
    #[inline]
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::LaneNotAnnounced => Self::LaneNotAnnounced,
            OpenError::NotOwner => Self::NotOwner,
            OpenError::Expired => Self::RxExpired,
            OpenError::Exhausted => Self::RxExhausted,
            OpenError::Duplicate => Self::Duplicate,
            OpenError::TooOld => Self::TooOld,
            OpenError::Unauthentic => Self::Unauthentic,
        }
    }
}

impl From<SealError> for DropReason {
    #[inline]
    fn from(error: SealError) -> Self {
        match error {
            SealError::Exhausted => Self::TxExhausted,
            SealError::Expired => Self::TxExpired,
            SealError::TooShort => Self::TxTooShort,
        }
    }
}

impl From<GeneveError> for DropReason {
    fn from(error: GeneveError) -> Self {
        match error {
            GeneveError::TooShort => Self::GeneveTooShort,
            GeneveError::UnknownVersion => Self::GeneveVersion,
            GeneveError::ReservedBits => Self::GeneveReservedBits,
            GeneveError::OptionsOverrun => Self::GeneveOptions,
            GeneveError::CriticalBitMismatch => Self::GeneveCriticalBit,
            GeneveError::UnknownCriticalOption => Self::GeneveUnknownOption,
            GeneveError::MalformedOption => Self::GeneveMalformedOption,
            GeneveError::UnknownProtocol => Self::GeneveProtocol,
            GeneveError::InnerLength => Self::GeneveInnerLength,
            GeneveError::MalformedControlHeader => Self::ControlHeader,
            GeneveError::Control(error) => error.into(),
        }
    }
}

impl From<ControlError> for DropReason {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::TooShort => Self::ControlTooShort,
            ControlError::UnknownKind => Self::ControlUnknownKind,
            ControlError::ReservedBits => Self::ControlReservedBits,
            ControlError::ZeroSpi => Self::ControlZeroSpi,
        }
    }
}

impl DropReason {
    /// An inner packet from a tenant that is none.
    pub(crate) const fn of_sent(error: InnerError) -> Self {
        match error {
            InnerError::TooShort => Self::TxTooShort,
            InnerError::UnknownVersion => Self::TxUnknownVersion,
            InnerError::HeaderLength => Self::TxHeaderLength,
            InnerError::TotalLength => Self::TxTotalLength,
        }
    }

    /// An inner packet from a peer that is none.
    pub(crate) const fn of_received(error: InnerError) -> Self {
        match error {
            InnerError::TooShort => Self::RxTooShort,
            InnerError::UnknownVersion => Self::RxUnknownVersion,
            InnerError::HeaderLength => Self::RxHeaderLength,
            InnerError::TotalLength => Self::RxTotalLength,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkveil_sa::counter::assert_distinct;

    // REQ-CNT-1
    #[test]
    fn every_counter_has_a_place_and_a_name_of_its_own() {
        assert_distinct::<DropReason>();
        assert_distinct::<LaneCounter>();
    }
}
