//! RGB as luma and two colour differences, and back, without loss.
//!
//! Source: H. Malvar and G. Sullivan, "YCoCg-R: A color space with RGB reversibility and low dynamic range", 2003.
//! The differences have one bit more than the samples; they are held with half of their range added.

/// Green, blue and red as luma, green difference and orange difference; `half` is added to the differences.
#[inline(always)]
pub(super) fn forward([green, blue, red]: [i32; 3], half: i32) -> [i32; 3] {
    let orange = red - blue;
    let middle = blue + (orange >> 1);
    let difference = green - middle;
    [middle + (difference >> 1), difference + half, orange + half]
}

/// Undoes [`forward`].
#[inline(always)]
pub(super) fn inverse([luma, difference, orange]: [i32; 3], half: i32) -> [i32; 3] {
    let (difference, orange) = (difference - half, orange - half);
    let middle = luma - (difference >> 1);
    let blue = middle - (orange >> 1);
    [middle + difference, blue, blue + orange]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_comes_back() {
        let values: Vec<i32> = (0..256).step_by(5).collect();
        for &green in &values {
            for (&blue, &red) in values.iter().flat_map(|blue| values.iter().map(move |red| (blue, red))) {
                let coded = forward([green, blue, red], 256);
                assert!((0..256).contains(&coded[0]) && coded[1..].iter().all(|x| (0..512).contains(x)));
                assert_eq!(inverse(coded, 256), [green, blue, red]);
            }
        }
    }
}
