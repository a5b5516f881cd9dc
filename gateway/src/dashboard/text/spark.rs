use std::fmt::Write;

/// The points of a line in a box of 100 by 24, for a `polyline`: the first value is at the left, the largest one at the top.
/// A value that is not known has no point.
pub(in crate::dashboard) fn spark(values: &[Option<f64>]) -> String {
    let most = values.iter().copied().flatten().fold(1.0, f64::max);
    let step = 100.0 / (values.len().max(2) - 1) as f64;
    let mut points = String::new();
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        // Writing to a text does not fail.
        let _ = write!(points, "{:.1},{:.1} ", place as f64 * step, 23.0 - value / most * 22.0);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fill_the_box() {
        assert_eq!(spark(&[0.0, 5.0, 10.0].map(Some)), "0.0,23.0 50.0,12.0 100.0,1.0 ");
        assert_eq!(spark(&[None, Some(5.0), Some(10.0)]), "50.0,12.0 100.0,1.0 ");
        assert_eq!(spark(&[Some(0.0)]), "0.0,23.0 ");
        assert_eq!(spark(&[]), "");
    }
}
