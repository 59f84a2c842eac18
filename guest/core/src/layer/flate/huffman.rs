//! Prefix codes of limited length, canonical as in RFC 1951, 3.2.2.

/// A code for `N` symbols: the bits as they are written in the lower 24 bits of each entry, their number above.
pub type Code<const N: usize> = [u32; N];

/// The lengths of a code for symbols of this frequency, none longer than `limit` bits; 0 for a symbol that does not occur.
///
/// At least two symbols have a code, for some decoders refuse one of a single symbol.
pub fn lengths<const N: usize>(frequencies: &[u32; N], limit: usize) -> [u8; N] {
    let mut lengths = [0; N];
    // Frequency above, symbol below; then, in place, the weights of inner nodes, their parents, and depths.
    let mut sorted = [0_u64; N];
    let mut used = 0;
    for (symbol, &frequency) in frequencies.iter().enumerate() {
        if frequency > 0 {
            sorted[used] = u64::from(frequency) << 16 | symbol as u64;
            used += 1;
        }
    }
    let mut symbol = 0;
    while used < 2 {
        if frequencies[symbol] == 0 {
            sorted[used] = 1 << 16 | symbol as u64;
            used += 1;
        }
        symbol += 1;
    }
    let sorted = &mut sorted[..used];
    sorted.sort_unstable();
    let mut weights = [0; N];
    for (weight, entry) in weights.iter_mut().zip(sorted.iter()) {
        *weight = (entry >> 16) as u32;
    }
    let counts = counts(&mut weights[..used], limit);
    // The rarest symbols have the longest codes.
    let mut rarest = sorted.iter();
    for length in (1..=limit).rev() {
        for entry in rarest.by_ref().take(counts[length] as usize) {
            lengths[(entry & 0xffff) as usize] = length as u8;
        }
    }
    lengths
}

/// How many codes of each length an optimal code has for these weights, which ascend; then shortened to the limit.
fn counts(weights: &mut [u32], limit: usize) -> [u32; 16] {
    let used = weights.len();
    // Inner nodes take the places of leaves that are used up: first their weight, then the index of their parent.
    let (mut leaf, mut inner) = (0, 0);
    for node in 0..used - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            if leaf < used && (inner == node || weights[leaf] <= weights[inner]) {
                weight += weights[leaf];
                leaf += 1;
            } else {
                weight += weights[inner];
                weights[inner] = node as u32;
                inner += 1;
            }
        }
        weights[node] = weight;
    }
    // From the root down: depths of inner nodes; what is free at a depth and no inner node is a leaf.
    let mut counts = [0; 16];
    weights[used - 2] = 0;
    counts[1] = 2;
    for node in (0..used - 2).rev() {
        let depth = weights[weights[node] as usize] as usize + 1;
        weights[node] = depth as u32;
        // A leaf at this depth becomes two below; too deep, it takes the place that the deepest shorter leaf gives up.
        let mut length = depth.min(limit - 1);
        while counts[length] == 0 {
            length -= 1;
        }
        counts[length] -= 1;
        counts[length + 1] += 2;
    }
    counts
}

/// The canonical code of these lengths.
pub fn code<const N: usize>(lengths: &[u8; N]) -> Code<N> {
    let mut next = [0_u16; 17];
    for &length in lengths {
        next[usize::from(length) + 1] += 1;
    }
    next[1] = 0;
    for length in 1..16 {
        next[length + 1] = (next[length + 1] + next[length]) << 1;
    }
    let mut code = [0; N];
    for (entry, &length) in code.iter_mut().zip(lengths) {
        if length > 0 {
            let next = &mut next[usize::from(length)];
            *entry = u32::from(next.reverse_bits() >> (16 - length)) | u32::from(length) << 24;
            *next += 1;
        }
    }
    code
}
