//! What a MACsec lane counts besides its channels, whose counters are those of crate `macsec`.
//!
//! Every frame that ends moves exactly one counter: a [`MacsecDrop`], one of the `SecY`'s counters of what it discards, or
//! nothing of these if it was sent or delivered, which the `SecY` counts as well.

use linkveil_sa::counters;

counters! {
    /// Why a lane dropped a frame that the `SecY` had not refused.
    pub enum MacsecDrop {
        /// From the host: for the address and of the type of link control frames, which nobody but control sends.
        ControlRefused => "control_refused",
        /// From the host: a super-frame that is neither TCP nor UDP by our own parse, or has impossible headers.
        NotSplittable => "tap_not_splittable",
        /// From the host: a checksum to be completed that does not lie in the frame.
        PartialChecksum => "tap_partial_checksum",
        /// From the host: no room in the send queue. Back-pressure keeps this at zero.
        SendQueueFull => "send_queue_full",
        /// Secured: the port takes no frame of that size.
        PortTooBig => "port_too_big",
        /// Secured: the port refused the frame; it is down.
        PortDropped => "port_dropped",
        /// Delivered by the `SecY`: shorter than an Ethernet header.
        DeliveredRunt => "delivered_runt",
        /// Delivered by the `SecY` without being authentic, to the address and of the type of link control frames.
        ControlUnauthentic => "control_unauthentic",
        /// Authentic: a frame for link control that is no link control frame of version 1.
        ControlMalformed => "control_malformed",
        /// Delivered by the `SecY`: the device did not take the frame; it is down, or its queue is full.
        TapDropped => "tap_dropped",
    }
}

counters! {
    /// What a lane does besides carrying frames.
    pub enum MacsecCounter {
        /// Times that the port took no more and the device had to wait.
        PortBlocked => "port_blocked",
        /// Link control frames sent.
        ControlSent => "control_frames_sent",
        /// Link control frames that were not sent: other keys are in use by now, or no room.
        ControlUnsent => "control_frames_unsent",
        /// Link control frames received.
        ControlReceived => "control_frames_received",
        /// Events for control that were left out, because too many wait.
        EventsDropped => "events_dropped",
        /// Super-frames from the host that were cut.
        SuperFramesCut => "super_frames_cut",
        /// Super-frames that were made of neighbors of a flow.
        SuperFramesMade => "super_frames_made",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkveil_sa::counter::assert_distinct;

    // REQ-CNT-1
    #[test]
    fn every_counter_has_a_place_and_a_name_of_its_own() {
        assert_distinct::<MacsecDrop>();
        assert_distinct::<MacsecCounter>();
    }
}
