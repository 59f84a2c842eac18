//! How many bits symbols of some frequencies take at least.

use super::symbols::END;
use super::tokens::Counts;

impl Counts {
    /// The bits of all symbols, extra bits apart, in an ideal code of their own, times 256.
    pub fn entropy(&self) -> u32 {
        part(&self.literals).wrapping_add(part(&self.distances))
    }

    /// How long a match must be to be shorter than its literals, in a code for these symbols; for each number of leading zeros that
    /// its distance has as 32 bits. A distance of 0 is no match.
    pub fn least(&self) -> Least {
        let (literals, _) = self.literals.split_at(END);
        let number = literals.iter().sum::<u32>();
        if number < 64 {
            return SHORTEST;
        }
        let sum = literals.iter().fold(0_u32, |sum, count| sum.wrapping_add(weighted(*count)));
        let all = self.literals.iter().sum::<u32>();
        let literal =
            ((u64::from(weighted(all)) * u64::from(number) / u64::from(all)) as u32).wrapping_sub(sum) / number;
        std::array::from_fn(|zeros| {
            let bits = MATCH + 31_u32.saturating_sub(zeros as u32);
            if zeros == 32 { u8::MAX } else { (bits * 256).div_ceil(literal.max(256)).clamp(3, 32) as u8 }
        })
    }
}

/// The least length of a match, by the leading zeros of its distance.
pub type Least = [u8; 33];

/// Any match.
pub const SHORTEST: Least = {
    let mut least = [4; 33];
    let mut zeros = 20;
    while zeros < 32 {
        least[zeros] = 3;
        zeros += 1;
    }
    least[32] = u8::MAX;
    least
};

/// The bits of a match, extra bits of the distance apart.
const MATCH: u32 = 9;

fn part(counts: &[u32]) -> u32 {
    let mut total = 0_u32;
    let mut sum = 0_u32;
    for &count in counts {
        total = total.wrapping_add(count);
        sum = sum.wrapping_add(weighted(count));
    }
    weighted(total).wrapping_sub(sum)
}

/// A count times its binary logarithm, times 256.
#[inline(always)]
fn weighted(count: u32) -> u32 {
    if let Some(weighted) = WEIGHTED.get(count as usize) {
        return *weighted;
    }
    let shift = count.ilog2().wrapping_sub(9);
    let mantissa = LOGARITHMS[((count >> shift) & 511) as usize];
    count.wrapping_mul(mantissa.wrapping_add(shift << 8))
}

/// For 512 to 1023, the binary logarithm times 256.
static LOGARITHMS: [u32; 512] = {
    let mut table = [0; 512];
    let mut index = 0;
    while index < 512 {
        // Eight digits behind the point, by squaring.
        let mut value = (512 + index as u64) << 21;
        let mut digits = 9;
        let mut digit = 0;
        while digit < 8 {
            value = (value * value) >> 30;
            digits <<= 1;
            if value >> 31 != 0 {
                digits |= 1;
                value >>= 1;
            }
            digit += 1;
        }
        table[index] = digits;
        index += 1;
    }
    table
};

static WEIGHTED: [u32; 512] = {
    let mut table = [0; 512];
    let mut count = 1;
    while count < 512 {
        let shift = 9 - (count as u32).ilog2();
        table[count] = count as u32 * (LOGARITHMS[(count << shift) & 511] - (shift << 8));
        count += 1;
    }
    table
};
