/// Settings and addresses of every kind.
pub fn settings() -> Vec<Vec<u8>> {
    let all = [
        "none",
        "equal:3",
        "unequal:3,2,1,0",
        "adaptive",
        "adaptive:45%",
        "sk_abcdefghijklmnopqrstuvwxyz234567",
        "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo",
        "udp://[::1]:4242/my-stream",
        "udp://239.1.2.3:5000",
        "fql://live.example.org:4242/play/abc-1?server-key=hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo",
    ];
    all.map(|text| text.as_bytes().to_vec()).to_vec()
}
