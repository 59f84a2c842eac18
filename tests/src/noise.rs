//! What looks random, and is the same each time.

/// Numbers without any order (xorshift64, G. Marsaglia 2003), and bytes of them, which nothing compresses.
pub struct Noise(u64);

impl Noise {
    /// Another sequence for each seed.
    pub fn new(seed: u64) -> Self {
        // It would stay at nothing but zeros.
        Self(seed.wrapping_add(0x9e37_79b9_7f4a_7c15).max(1))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        for word in bytes.chunks_mut(8) {
            word.copy_from_slice(&self.number().to_le_bytes()[..word.len()]);
        }
        bytes
    }
}
