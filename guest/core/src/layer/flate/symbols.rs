//! The symbols of literals, lengths and distances (RFC 1951, 3.2.5).

/// Symbols for literals, the end of a block and lengths.
pub const LITERALS: usize = 288;

/// Symbols for distances.
pub const DISTANCES: usize = 32;

/// The symbol that ends a block.
pub const END: usize = 256;

/// The symbol of a match's length, given that less 3.
#[inline(always)]
pub fn length(less: u8) -> usize {
    usize::from(LENGTH[usize::from(less)])
}

/// The symbol of a match's distance, given that less 1, and the number of extra bits; they are the lowest ones of it.
#[inline(always)]
pub fn distance(less: u32) -> (usize, u32) {
    let extra = (less | 2).ilog2().wrapping_sub(1);
    (extra.wrapping_mul(2).wrapping_add(less >> extra) as usize, extra)
}

/// For each symbol from 257 on, the number of extra bits and the shortest length less 3.
pub const LENGTHS: [(u8, u8); 29] = {
    let mut table = [(0, 0); 29];
    let mut symbol = 1;
    while symbol < 28 {
        let (extra, shortest) = table[symbol - 1];
        let shortest = shortest + (1 << extra);
        table[symbol] = (if symbol < 8 { 0 } else { symbol as u8 / 4 - 1 }, shortest);
        symbol += 1;
    }
    table[28] = (0, 255);
    table
};

const LENGTH: [u16; 256] = {
    let mut table = [0; 256];
    let mut symbol = 0;
    let mut less = 0;
    while less < 256 {
        if symbol < 28 && LENGTHS[symbol + 1].1 as usize == less {
            symbol += 1;
        }
        table[less] = 257 + symbol as u16;
        less += 1;
    }
    table
};
