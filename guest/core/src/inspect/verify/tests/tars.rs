//! Tars with headers of any kind, right or wrong.

use crate::layer::tar::{BLOCK, END};

/// An entry's header, sealed, in POSIX's format.
pub struct Head {
    pub name: Vec<u8>,
    pub flag: u8,
    pub mode: u32,
    pub size: usize,
    pub link: Vec<u8>,
    pub time: u64,
    pub uid: u64,
    pub device: (u32, u32),
}

impl Head {
    pub fn of(name: impl AsRef<[u8]>, flag: u8) -> Self {
        let mode = if flag == b'5' { 0o755 } else { 0o644 };
        Self { name: name.as_ref().to_vec(), flag, mode, size: 0, link: vec![], time: TIME, uid: 0, device: (0, 0) }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        match self.uid {
            0..0o777_7777 => put(108, format!("{:07o}", self.uid).as_bytes()),
            uid => put(108, &(uid | 1 << 63).to_be_bytes()),
        }
        put(116, b"0000000");
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, format!("{:011o}", self.time).as_bytes());
        put(156, &[self.flag]);
        put(157, &self.link);
        put(257, b"ustar\x0000");
        put(329, format!("{:07o}", self.device.0).as_bytes());
        put(337, format!("{:07o}", self.device.1).as_bytes());
        seal(&mut block);
        block
    }
}

/// Gives a header its checksum.
pub fn seal(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

fn padded(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    content.resize(content.len().next_multiple_of(BLOCK), 0);
    content
}

pub fn file(name: impl AsRef<[u8]>, content: &[u8]) -> Vec<u8> {
    let head = Head { size: content.len(), ..Head::of(name, b'0') };
    [head.bytes(), padded(content)].concat()
}

pub fn folder(name: impl AsRef<[u8]>) -> Vec<u8> {
    Head::of(name, b'5').bytes()
}

pub fn link(name: impl AsRef<[u8]>, flag: u8, target: impl AsRef<[u8]>) -> Vec<u8> {
    Head { link: target.as_ref().to_vec(), ..Head::of(name, flag) }.bytes()
}

/// An extended header with this content.
pub fn extended(flag: u8, content: &[u8]) -> Vec<u8> {
    let head = Head { size: content.len(), ..Head::of("x", flag) };
    [head.bytes(), padded(content)].concat()
}

/// A record of one.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length).unwrap();
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// What an ordinary layer has, and then this.
pub fn tar(more: &[Vec<u8>]) -> Vec<u8> {
    [start(), more.concat(), END.to_vec()].concat()
}

/// What an ordinary layer has, without its end.
pub fn start() -> Vec<u8> {
    [
        folder("etc/"),
        file("etc/hosts", b"127.0.0.1 localhost\n"),
        folder("bin/"),
        file("bin/sh", &b"#!\n".repeat(400)),
        link("bin/ls", b'2', "/bin/sh"),
        link("bin/up", b'2', "../../sh"),
        link("bin/cat", b'1', "bin/sh"),
        file("etc/.wh.gone", b""),
        file("bin/.wh..wh..opq", b""),
    ]
    .concat()
}

/// Of all entries, unless they say another one.
pub const TIME: u64 = 1_600_000_000;
