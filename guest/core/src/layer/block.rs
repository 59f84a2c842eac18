//! A header block of a tar in the making: POSIX `ustar` and GNU's variant, field by field, as Go's writer fills them.

/// The size of a tar block, in bytes. Contents are padded with zeros to whole blocks.
pub const BLOCK: usize = 512;

/// A header block, not yet sealed with its checksum.
pub struct Block([u8; BLOCK]);

/// Offset and length in the block.
#[derive(Clone, Copy)]
pub struct Field(pub usize, pub usize);

impl Block {
    /// With this type flag and POSIX's magic.
    pub fn new(flag: u8) -> Self {
        let mut block = Self([0; BLOCK]);
        block.put(FLAG, &[flag]);
        block.put(MAGIC, b"ustar\x0000");
        block
    }

    /// Of an extended header (`x`, `g`, `L`, `K`) with this content.
    pub fn extension(flag: u8, name: &[u8], content: &[u8]) -> Self {
        let mut block = Self::new(flag);
        block.put(NAME, name);
        for field in [MODE, UID, GID, MTIME] {
            block.octal(field, 0);
        }
        block.octal(SIZE, content.len() as u64);
        block
    }

    /// The same with GNU's magic.
    pub fn gnu(mut self) -> Self {
        self.put(MAGIC, b"ustar  \0");
        self
    }

    /// A name. False when it needs a record, because it is too long or not ASCII; the field then has what is left of it.
    pub fn text(&mut self, field: Field, text: &[u8]) -> bool {
        let ascii: Vec<u8> = text.iter().copied().filter(u8::is_ascii).collect();
        self.cut(field, &ascii);
        ascii.len() == text.len() && text.len() <= field.1
    }

    /// As much of a name as the field holds. A name that is cut at a slash must not look like a directory's.
    pub fn cut(&mut self, field: Field, text: &[u8]) {
        self.put(field, text);
        if let Some(([head @ .., b'/'], [_, ..])) = text.split_at_checked(field.1) {
            let kept = head.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
            self.put(Field(field.0.saturating_add(kept), 1), &[0]);
        }
    }

    /// A number in octal with a final NUL. False, and 0 in the field, when it does not fit.
    pub fn octal(&mut self, Field(at, length): Field, value: u64) -> bool {
        let digits = length.saturating_sub(1);
        // Three bits a digit; 64 and more hold anything.
        let fits =
            u32::try_from(digits.saturating_mul(3)).ok().and_then(|bits| value.checked_shr(bits)).unwrap_or(0) == 0;
        let mut rest = if fits { value } else { 0 };
        for byte in self.0.iter_mut().skip(at).take(digits).rev() {
            *byte = b'0' | (rest & 7) as u8;
            rest >>= 3;
        }
        fits
    }

    /// A number in octal, or in base 256 when it is negative or too large for that.
    pub fn base_256(&mut self, field: Field, value: i64) {
        if u64::try_from(value).is_ok_and(|value| self.octal(field, value)) {
            return;
        }
        let bytes = i128::from(value).to_be_bytes();
        self.put(field, bytes.get(bytes.len().saturating_sub(field.1)..).unwrap_or(&bytes));
        if let Some(first) = self.0.get_mut(field.0) {
            *first |= 0x80;
        }
    }

    /// As many of `bytes` as the field holds.
    pub fn put(&mut self, Field(at, length): Field, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(at).take(length).zip(bytes) {
            *to = *from;
        }
    }

    /// Appends the block with its checksum: the sum of all bytes, the checksum's own counted as blanks.
    pub fn seal(mut self, out: &mut Vec<u8>) {
        self.put(CHECKSUM, b"        ");
        let sum: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        // Six digits and a NUL; the blank behind it stays.
        self.octal(Field(CHECKSUM.0, 7), sum);
        self.put(Field(CHECKSUM.0.saturating_add(6), 1), &[0]);
        out.extend_from_slice(&self.0);
    }
}

pub const NAME: Field = Field(0, 100);
pub const MODE: Field = Field(100, 8);
pub const UID: Field = Field(108, 8);
pub const GID: Field = Field(116, 8);
pub const SIZE: Field = Field(124, 12);
pub const MTIME: Field = Field(136, 12);
pub const CHECKSUM: Field = Field(148, 8);
pub const FLAG: Field = Field(156, 1);
pub const LINK: Field = Field(157, 100);
pub const MAGIC: Field = Field(257, 8);
pub const UNAME: Field = Field(265, 32);
pub const GNAME: Field = Field(297, 32);
pub const MAJOR: Field = Field(329, 8);
pub const MINOR: Field = Field(337, 8);
/// POSIX's.
pub const PREFIX: Field = Field(345, 155);
/// GNU's.
pub const ATIME: Field = Field(345, 12);
/// GNU's.
pub const CTIME: Field = Field(357, 12);
