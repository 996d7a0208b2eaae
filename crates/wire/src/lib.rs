//! Byte formats of the linkveil protocol and of what it carries.
