//! Bits into bytes, the first one lowest (RFC 1951, 3.1.1).

/// Writes into a buffer that must have room for all that is put, and eight bytes more.
pub struct Bits<'a> {
    out: &'a mut [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// At the start of this buffer.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0, held: 0, count: 0 }
    }

    /// Adds some bits; at most 56 between two calls of [`flush`](Self::flush).
    #[inline(always)]
    pub fn add(&mut self, bits: u32, count: u32) {
        self.held |= u64::from(bits) << (self.count & 63);
        self.count = self.count.wrapping_add(count);
    }

    /// Writes the whole bytes among those that are held.
    #[inline(always)]
    pub fn flush(&mut self) {
        if let Some(room) = self.out.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut()) {
            *room = self.held.to_le_bytes();
        }
        self.at = self.at.wrapping_add((self.count / 8) as usize);
        self.held >>= self.count & 56;
        self.count &= 7;
    }

    /// Adds some bits, at most 32, and flushes.
    pub fn put(&mut self, bits: u32, count: u32) {
        self.add(bits, count);
        self.flush();
    }

    /// Zeros up to the next byte.
    pub fn align(&mut self) {
        self.put(0, self.count.wrapping_neg() & 7);
    }

    /// Whole bytes; the position must be aligned.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// Whether there are none yet.
    pub fn is_empty(&self) -> bool {
        self.at == 0 && self.count == 0
    }

    /// How many whole bytes were written.
    pub fn written(&self) -> usize {
        self.at
    }
}
