//! Tars made by hand, right or wrong: headers in POSIX's format (pax(1), "ustar Interchange Format").

/// An entry's header.
pub struct Head<'h> {
    /// Path.
    pub name: &'h [u8],
    /// Which kind of entry.
    pub flag: u8,
    /// Bytes that follow.
    pub size: usize,
    /// Target of a link.
    pub link: &'h [u8],
    /// The 12 low bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// Of a device: major and minor number.
    pub device: (u32, u32),
}

impl<'h> Head<'h> {
    /// Of an entry without content.
    pub fn of(name: &'h [u8], flag: u8) -> Self {
        let mode = if flag == b'5' { 0o755 } else { 0o644 };
        Self { name, flag, size: 0, link: b"", mode, uid: 0, time: TIME, device: (0, 0) }
    }

    /// Its block.
    pub fn bytes(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        match self.uid {
            0..0o1000_0000 => put(108, format!("{:07o}", self.uid).as_bytes()),
            uid => put(108, &(uid | 1 << 63).to_be_bytes()),
        }
        put(116, b"0000000");
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, format!("{:011o}", self.time).as_bytes());
        put(156, &[self.flag]);
        put(157, self.link);
        put(257, b"ustar\x0000");
        put(329, format!("{:07o}", self.device.0).as_bytes());
        put(337, format!("{:07o}", self.device.1).as_bytes());
        seal(&mut block);
        block
    }
}

/// Gives a header its checksum.
pub fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

/// An entry with content.
pub fn entry(head: Head<'_>, content: &[u8]) -> Vec<u8> {
    let mut bytes = Head { size: content.len(), ..head }.bytes();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// A file.
pub fn file(name: &[u8], content: &[u8]) -> Vec<u8> {
    entry(Head::of(name, b'0'), content)
}

/// A directory.
pub fn folder(name: &[u8]) -> Vec<u8> {
    Head::of(name, b'5').bytes()
}

/// A link, hard (`1`) or symbolic (`2`).
pub fn link(name: &[u8], flag: u8, target: &[u8]) -> Vec<u8> {
    Head { link: target, ..Head::of(name, flag) }.bytes()
}

/// An extended header.
pub fn extended(flag: u8, content: &[u8]) -> Vec<u8> {
    entry(Head::of(b"x", flag), content)
}

/// A record of one.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..).find(|length| length.to_string().len() + rest == *length).unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// Bytes of a header, and of what content is padded to.
pub const BLOCK: usize = 512;
/// What stands at a tar's end.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// Of all entries, unless they say another one.
pub const TIME: u64 = 1_600_000_000;
