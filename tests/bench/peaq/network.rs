//! One grade of eleven variables: the network of ITU-R BS.1387-1, annex 2, tables 10 and 11.

/// How many variables there are.
pub const INPUTS: usize = 11;

/// The least and the most of each variable, in the order of [`super::variables::Variables::values`].
const RANGES: [(f64, f64); INPUTS] = [
    (393.916656, 921.0),
    (361.965332, 881.131226),
    (-24.045116, 16.212030),
    (1.110661, 107.137772),
    (-0.206623, 2.886017),
    (0.074318, 13.933351),
    (1.113683, 63.257874),
    (0.950345, 1145.018555),
    (0.029985, 14.819740),
    (0.000101, 1.0),
    (0.0, 1.0),
];

/// From each variable to each of the three nodes.
const TO_NODES: [[f64; 3]; INPUTS] = [
    [-0.502657, 0.436333, 1.219602],
    [4.307481, 3.246017, 1.123743],
    [4.984241, -2.211189, -0.192096],
    [0.051056, -1.762424, 4.331315],
    [2.321580, 1.789971, -0.754560],
    [-5.303901, -3.452257, -10.814982],
    [2.730991, -6.111805, 1.519223],
    [0.624950, -1.331523, -5.955151],
    [3.102889, 0.871260, -5.922878],
    [-1.051468, -0.939882, -0.142913],
    [-1.804679, -0.503610, -0.620456],
];

const NODE_BIASES: [f64; 3] = [-2.518254, 0.654841, -2.207228];
const FROM_NODES: [f64; 3] = [-3.817048, 4.107138, 4.629582];
const BIAS: f64 = -0.307594;
const GRADES: (f64, f64) = (-3.98, 0.22);

/// The objective difference grade.
pub fn difference(values: &[f64; INPUTS]) -> f64 {
    let mut nodes = NODE_BIASES;
    for ((value, (least, most)), weights) in values.iter().zip(RANGES).zip(TO_NODES) {
        let part = ((value - least) / (most - least)).clamp(0.0, 1.0);
        for (node, weight) in nodes.iter_mut().zip(weights) {
            *node += weight * part;
        }
    }
    let index: f64 =
        BIAS + nodes.iter().zip(FROM_NODES).map(|(node, weight)| weight * sigmoid(*node)).sum::<f64>();
    GRADES.0 + (GRADES.1 - GRADES.0) * sigmoid(index)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
