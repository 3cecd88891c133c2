-- SPDX-License-Identifier: MIT
-- Copyright the HookProbe mesh authors
--
-- Wireshark dissector of HTP v1 (docs/spec/htp.md), for Wireshark 4.0 and later.
--
--   tshark -X lua_script:htp.lua -o hkphtp.keylog:keys.txt -r capture.pcap
--
-- Without a key log it shows headers; with one (HTP-18.4) the contents of handshake messages and of protected
-- packets, masked ones too. Every tag is checked: what does not verify is not shown. Wireshark 4.0 gives Lua no
-- ciphers, so ChaCha20-Poly1305 (RFC 8439) and AES-256-GCM stand here; they are for reading captures only.

local htp = Proto("hkphtp", "HookProbe HTP")
htp.prefs.port = Pref.uint("UDP port", 8144, "Port of HTP")
htp.prefs.keylog = Pref.string("Key log", "", "File with the lines of HTP-18.4")

local band, bor, bxor = bit.band, bit.bor, bit.bxor
local lshift, rshift, rol = bit.lshift, bit.rshift, bit.rol
local char, byte = string.char, string.byte

---------------------------------------------------------------------------------------------------------------
-- Bytes

local function unhex(s)
    return (s:gsub("..", function(h) return char(tonumber(h, 16)) end))
end

local function le32(s, at)
    local a, b, c, d = byte(s, at, at + 3)
    return bor(a, lshift(b, 8), lshift(c, 16), lshift(d, 24))
end

local function be32(s, at)
    local a, b, c, d = byte(s, at, at + 3)
    return bor(d, lshift(c, 8), lshift(b, 16), lshift(a, 24))
end

local function put_le32(x)
    return char(band(x, 255), band(rshift(x, 8), 255), band(rshift(x, 16), 255), band(rshift(x, 24), 255))
end

local function put_be32(x)
    return char(band(rshift(x, 24), 255), band(rshift(x, 16), 255), band(rshift(x, 8), 255), band(x, 255))
end

-- 64 bits, little-endian, of a length that fits a double.
local function put_le64(n)
    return put_le32(bit.tobit(n % 4294967296)) .. put_le32(math.floor(n / 4294967296))
end

local function xor_bytes(a, b)
    local out = {}
    for i = 1, #a do out[i] = char(bxor(byte(a, i), byte(b, i))) end
    return table.concat(out)
end

---------------------------------------------------------------------------------------------------------------
-- ChaCha20-Poly1305 (RFC 8439)

local function quarter(x, a, b, c, d)
    x[a] = bit.tobit(x[a] + x[b]); x[d] = rol(bxor(x[d], x[a]), 16)
    x[c] = bit.tobit(x[c] + x[d]); x[b] = rol(bxor(x[b], x[c]), 12)
    x[a] = bit.tobit(x[a] + x[b]); x[d] = rol(bxor(x[d], x[a]), 8)
    x[c] = bit.tobit(x[c] + x[d]); x[b] = rol(bxor(x[b], x[c]), 7)
end

local function chacha_block(key, counter, nonce)
    local s = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }
    for i = 0, 7 do s[5 + i] = le32(key, 1 + 4 * i) end
    s[13] = counter
    for i = 0, 2 do s[14 + i] = le32(nonce, 1 + 4 * i) end
    local x = {}
    for i = 1, 16 do x[i] = s[i] end
    for _ = 1, 10 do
        quarter(x, 1, 5, 9, 13); quarter(x, 2, 6, 10, 14); quarter(x, 3, 7, 11, 15); quarter(x, 4, 8, 12, 16)
        quarter(x, 1, 6, 11, 16); quarter(x, 2, 7, 12, 13); quarter(x, 3, 8, 9, 14); quarter(x, 4, 5, 10, 15)
    end
    local out = {}
    for i = 1, 16 do out[i] = put_le32(bit.tobit(x[i] + s[i])) end
    return table.concat(out)
end

local function chacha_xor(key, counter, nonce, text)
    local out = {}
    for at = 1, #text, 64 do
        local part = text:sub(at, at + 63)
        out[#out + 1] = xor_bytes(part, chacha_block(key, counter, nonce))
        counter = counter + 1
    end
    return table.concat(out)
end

-- 130-bit numbers as ten limbs of 13 bits, so that all products fit a double.
local function limbs(s)
    local v, bits, acc = {}, 0, 0
    for i = 1, 17 do
        acc = acc + (byte(s, i) or 0) * 2 ^ bits
        bits = bits + 8
        while bits >= 13 do
            v[#v + 1] = acc % 8192
            acc = math.floor(acc / 8192)
            bits = bits - 13
        end
    end
    v[#v + 1] = acc
    for i = #v + 1, 10 do v[i] = 0 end
    return v
end

local function carry(h)
    local c = 0
    for i = 1, 10 do
        local t = h[i] + c
        h[i] = t % 8192
        c = math.floor(t / 8192)
    end
    h[1] = h[1] + 5 * c
end

local function poly1305(key, text)
    local rk = { byte(key, 1, 16) }
    for _, i in ipairs({ 4, 8, 12, 16 }) do rk[i] = band(rk[i], 15) end
    for _, i in ipairs({ 5, 9, 13 }) do rk[i] = band(rk[i], 252) end
    local r, h = limbs(char((unpack or table.unpack)(rk))), {}
    for i = 1, 10 do h[i] = 0 end
    for at = 1, #text, 16 do
        local m = limbs(text:sub(at, at + 15) .. "\1")
        for i = 1, 10 do h[i] = h[i] + m[i] end
        local d = {}
        for i = 1, 10 do
            local sum = 0
            for j = 1, 10 do
                sum = sum + h[j] * (j <= i and r[i - j + 1] or 5 * r[i - j + 11])
            end
            d[i] = sum
        end
        h = d
        carry(h); carry(h)
    end
    carry(h); carry(h)
    -- h mod 2^130 - 5: h + 5 has bit 130 exactly when h is not below it.
    local g, c = {}, 5
    for i = 1, 10 do
        local t = h[i] + c
        g[i] = t % 8192
        c = math.floor(t / 8192)
    end
    if c > 0 then h = g end
    local out, acc, bits, n = {}, 0, 0, 1
    local add = 0
    while #out < 16 do
        while bits < 8 and n <= 10 do
            acc = acc + h[n] * 2 ^ bits
            bits = bits + 13
            n = n + 1
        end
        local t = acc % 256 + byte(key, 17 + #out) + add
        out[#out + 1] = char(t % 256)
        add = math.floor(t / 256)
        acc = math.floor(acc / 256)
        bits = bits - 8
    end
    return table.concat(out)
end

local function pad16(s) return s .. string.rep("\0", -#s % 16) end

local function chacha_open(key, nonce, aad, sealed)
    local text, tag = sealed:sub(1, -17), sealed:sub(-16)
    local one = chacha_block(key, 0, nonce):sub(1, 32)
    if poly1305(one, pad16(aad) .. pad16(text) .. put_le64(#aad) .. put_le64(#text)) ~= tag then return nil end
    return chacha_xor(key, 1, nonce, text)
end

---------------------------------------------------------------------------------------------------------------
-- AES-256-GCM (FIPS 197, SP 800-38D)

local sbox = {}
do
    local p, q = 1, 1
    repeat
        p = band(bxor(p, lshift(p, 1), band(p, 128) ~= 0 and 0x11b or 0), 255)
        q = bxor(q, lshift(q, 1)); q = bxor(q, lshift(q, 2)); q = bxor(q, lshift(q, 4)); q = band(q, 255)
        if band(q, 128) ~= 0 then q = bxor(q, 9) end
        local x = q
        for i = 1, 4 do x = bxor(x, band(bor(lshift(q, i), rshift(q, 8 - i)), 255)) end
        sbox[p] = bxor(x, 0x63)
    until p == 1
    sbox[0] = 0x63
end

local function sub_word(w)
    return bor(sbox[band(w, 255)], lshift(sbox[band(rshift(w, 8), 255)], 8),
        lshift(sbox[band(rshift(w, 16), 255)], 16), lshift(sbox[band(rshift(w, 24), 255)], 24))
end

local function aes_expand(key)
    local w, rcon = {}, 1
    for i = 0, 7 do w[i] = be32(key, 1 + 4 * i) end
    for i = 8, 59 do
        local t = w[i - 1]
        if i % 8 == 0 then
            t = bxor(sub_word(rol(t, 8)), lshift(rcon, 24))
            rcon = lshift(rcon, 1)
        elseif i % 8 == 4 then
            t = sub_word(t)
        end
        w[i] = bxor(w[i - 8], t)
    end
    return w
end

local function xtime(b) return band(bxor(lshift(b, 1), band(b, 128) ~= 0 and 0x1b or 0), 255) end

local function aes_block(w, block)
    local s = { byte(block, 1, 16) }
    local function add_key(round)
        for c = 0, 3 do
            local k = w[4 * round + c]
            for r = 0, 3 do s[4 * c + r + 1] = bxor(s[4 * c + r + 1], band(rshift(k, 24 - 8 * r), 255)) end
        end
    end
    add_key(0)
    for round = 1, 14 do
        local t = {}
        for c = 0, 3 do
            for r = 0, 3 do t[4 * c + r + 1] = sbox[s[4 * ((c + r) % 4) + r + 1]] end
        end
        if round < 14 then
            for c = 0, 3 do
                local a, b, d, e = t[4 * c + 1], t[4 * c + 2], t[4 * c + 3], t[4 * c + 4]
                local all = bxor(a, b, d, e)
                t[4 * c + 1] = bxor(a, all, xtime(bxor(a, b)))
                t[4 * c + 2] = bxor(b, all, xtime(bxor(b, d)))
                t[4 * c + 3] = bxor(d, all, xtime(bxor(d, e)))
                t[4 * c + 4] = bxor(e, all, xtime(bxor(e, a)))
            end
        end
        s = t
        add_key(round)
    end
    return char((unpack or table.unpack)(s))
end

local function gf_mul(x, h)
    local z, v = { 0, 0, 0, 0 }, { h[1], h[2], h[3], h[4] }
    for i = 0, 127 do
        if band(rshift(x[math.floor(i / 32) + 1], 31 - i % 32), 1) == 1 then
            for k = 1, 4 do z[k] = bxor(z[k], v[k]) end
        end
        local low = band(v[4], 1)
        for k = 4, 2, -1 do v[k] = bor(rshift(v[k], 1), lshift(band(v[k - 1], 1), 31)) end
        v[1] = rshift(v[1], 1)
        if low == 1 then v[1] = bxor(v[1], 0xe1000000) end
    end
    return z
end

local function ghash(h, text)
    local y = { 0, 0, 0, 0 }
    for at = 1, #text, 16 do
        for k = 0, 3 do y[k + 1] = bxor(y[k + 1], be32(text, at + 4 * k)) end
        y = gf_mul(y, h)
    end
    return put_be32(y[1]) .. put_be32(y[2]) .. put_be32(y[3]) .. put_be32(y[4])
end

local function gcm_open(key, nonce, aad, sealed)
    local text, tag = sealed:sub(1, -17), sealed:sub(-16)
    local w = aes_expand(key)
    local zero = aes_block(w, string.rep("\0", 16))
    local h = { be32(zero, 1), be32(zero, 5), be32(zero, 9), be32(zero, 13) }
    local lens = put_be32(0) .. put_be32(8 * #aad) .. put_be32(0) .. put_be32(8 * #text)
    local want = ghash(h, pad16(aad) .. pad16(text) .. lens)
    if xor_bytes(want, aes_block(w, nonce .. put_be32(1))) ~= tag then return nil end
    local out = {}
    for at = 1, #text, 16 do
        local part = text:sub(at, at + 15)
        out[#out + 1] = xor_bytes(part, aes_block(w, nonce .. put_be32(2 + (at - 1) / 16)))
    end
    return table.concat(out)
end

---------------------------------------------------------------------------------------------------------------
-- The key log (HTP-18.4)

local by_token, keys, handshake = {}, {}, {}

local function read_keylog()
    by_token, keys, handshake = {}, {}, {}
    if htp.prefs.keylog == "" then return end
    local file = io.open(htp.prefs.keylog, "r")
    if file == nil then return end
    for line in file:lines() do
        local nonce, k, h = line:match("^HTP1_HANDSHAKE (%x+) (%x+) (%x+)$")
        if nonce then handshake[nonce] = { k = unhex(k), h = unhex(h) } end
        local id, side, token = line:match("^HTP1_TOKEN (%x+) ([EV]) (%x+)$")
        if id then by_token[token] = { id = id, side = side } end
        local id2, dir, epoch, suite, key, iv, hp = line:match(
            "^HTP1_KEYS (%x+) (%w+) (%d+) (%d+) (%x+) (%x+) ([%x-]+)$")
        if id2 then
            local list = keys[id2 .. dir] or {}
            keys[id2 .. dir] = list
            if hp ~= "-" then list.hp = unhex(hp) end
            list[#list + 1] = { epoch = tonumber(epoch), suite = tonumber(suite), key = unhex(key), iv = unhex(iv) }
        end
    end
    file:close()
end

---------------------------------------------------------------------------------------------------------------
-- Fields

local types = {
    [1] = "HELLO", [2] = "CHALLENGE", [3] = "ATTEST", [4] = "ACCEPT", [5] = "REJECT",
    [0x10] = "DATA", [0x20] = "HEARTBEAT", [0x21] = "ACK", [0xff] = "CLOSE"
}
local frame_types = {
    [0] = "PAD", [1] = "ACK", [2] = "STREAM", [3] = "DATAGRAM", [4] = "RESET", [5] = "STOP", [6] = "CREDIT",
    [7] = "PATH_CHALLENGE", [8] = "PATH_RESPONSE", [9] = "PING", [0x0a] = "REKEY", [0x0b] = "TOKEN",
    [0x0c] = "RETIRE", [0x10] = "HB", [0x11] = "HB_ACK", [0x12] = "CLOSE"
}
local classes = {
    [0] = "CONTROL", [1] = "TER", [2] = "COMMIT", [3] = "DSM", [4] = "MESH", [5] = "FILE", [6] = "POLICY",
    [7] = "APP"
}
local reasons = {
    [0] = "REFUSED", [1] = "VERSION", [2] = "SUITE", [3] = "IDENTITY", [4] = "POLICY", [5] = "ATTESTATION",
    [6] = "RESONANCE_LOST", [7] = "RESONANCE_STALE", [8] = "OVERLOAD", [9] = "CLOCK", [16] = "DONE",
    [17] = "SLEEP", [18] = "TRUST", [19] = "REPLACED", [20] = "SHUTDOWN", [32] = "FRAME", [33] = "FRAME_TYPE",
    [34] = "ACK", [35] = "CREDIT", [36] = "STREAM", [37] = "MESSAGE", [38] = "RES_MISSING", [39] = "RESONANCE",
    [40] = "REKEY", [41] = "KEY_LIMIT", [42] = "INTEGRITY_LIMIT", [43] = "INTERNAL"
}
local suites = { [1] = "ChaCha20-Poly1305", [2] = "AES-256-GCM" }
local modes = { [0] = "N", [1] = "R" }

local F = {}
local function field(name, make, title, ...)
    F[name] = make("hkphtp." .. name, title, ...)
end
field("version", ProtoField.uint16, "Version", base.HEX)
field("type", ProtoField.uint16, "Type", base.HEX, types)
field("sequence", ProtoField.uint32, "Sequence")
field("timestamp", ProtoField.uint32, "Timestamp")
field("token", ProtoField.bytes, "Flow token")
field("nonce", ProtoField.bytes, "Nonce")
field("flags", ProtoField.uint32, "Flags", base.HEX)
field("epoch", ProtoField.uint32, "Epoch mod 4", base.DEC, nil, 3)
field("res", ProtoField.bool, "Resonance layer", 32, nil, 4)
field("retry", ProtoField.bool, "RETRY", 32, nil, 8)
field("rdv", ProtoField.bytes, "RDV")
field("posf", ProtoField.bytes, "PoSF")
field("length", ProtoField.uint32, "Payload length")
field("payload", ProtoField.bytes, "Encrypted payload")
field("masked", ProtoField.bool, "Header was masked")
field("session", ProtoField.string, "Session")
field("direction", ProtoField.string, "Direction")
field("features", ProtoField.uint16, "Features", base.HEX)
field("public", ProtoField.bytes, "Ephemeral X25519 key")
field("cookie", ProtoField.bytes, "Cookie")
field("offered_version", ProtoField.uint16, "Version offered", base.HEX)
field("suite", ProtoField.uint16, "Suite", base.DEC, suites)
field("node_id", ProtoField.bytes, "node_id")
field("ck_index", ProtoField.uint64, "ck_index")
field("time_us", ProtoField.uint64, "Unix microseconds")
field("ticket", ProtoField.bytes, "Ticket")
field("mode", ProtoField.uint8, "Mode", base.DEC, modes)
field("signature", ProtoField.bytes, "Signature")
field("sid_v", ProtoField.bytes, "sid_v")
field("challenge", ProtoField.bytes, "Challenge")
field("demands", ProtoField.uint8, "Demands", base.HEX)
field("pcr_mask", ProtoField.uint32, "PCR mask", base.HEX)
field("identity_key", ProtoField.bytes, "Ed25519 key")
field("cert_form", ProtoField.uint8, "Certificate form")
field("cert", ProtoField.bytes, "Certificate")
field("ter_index", ProtoField.uint64, "TER index")
field("h_t", ProtoField.bytes, "TER chain value")
field("h_integrity", ProtoField.bytes, "h_integrity")
field("policy_ver", ProtoField.uint32, "Policy version")
field("boot_id", ProtoField.bytes, "boot_id")
field("quote", ProtoField.bytes, "TPM quote")
field("secret", ProtoField.bytes, "session_secret")
field("ce", ProtoField.bytes, "Collective entropy")
field("reset_token", ProtoField.bytes, "Reset token")
field("lifetime", ProtoField.uint32, "Ticket lifetime (s)")
field("trust", ProtoField.uint16, "Trust (Q0.16)")
field("interval", ProtoField.uint16, "Interval (s)")
field("clock", ProtoField.uint8, "Clock verdict")
field("resonance", ProtoField.uint8, "Resonance state")
field("address", ProtoField.ipv6, "Observed address")
field("port", ProtoField.uint16, "Observed port")
field("frame_type", ProtoField.uint8, "Frame", base.HEX, frame_types)
field("stream", ProtoField.uint32, "Stream")
field("class", ProtoField.uint8, "Class", base.DEC, classes, 0x7f)
field("fin", ProtoField.bool, "FIN", 8, nil, 0x80)
field("offset", ProtoField.uint64, "Offset")
field("data", ProtoField.bytes, "Data")
field("largest", ProtoField.uint64, "Largest acknowledged")
field("ack_delay", ProtoField.uint16, "ACK delay (16 us)")
field("ranges", ProtoField.uint8, "Further ranges", base.DEC, nil, 0x3f)
field("first", ProtoField.uint32, "First range")
field("gap", ProtoField.uint16, "Gap")
field("range", ProtoField.uint16, "Range")
field("ect0", ProtoField.uint32, "ECT(0)")
field("ce_marks", ProtoField.uint32, "CE")
field("code", ProtoField.uint16, "Code")
field("reason", ProtoField.uint16, "Reason", base.DEC, reasons)
field("limit", ProtoField.uint64, "Limit")
field("kind", ProtoField.uint8, "Kind")
field("op", ProtoField.uint8, "Operation")
field("epoch_no", ProtoField.uint32, "Epoch")
field("seq", ProtoField.uint16, "Token number")
field("new_token", ProtoField.bytes, "Token")
field("hb_mode", ProtoField.uint8, "Transport mode")
field("nat", ProtoField.uint8, "NAT type")
field("energy", ProtoField.uint8, "Energy")
field("load", ProtoField.uint8, "Load")
field("retry_after", ProtoField.uint16, "Retry after (s)")
field("last_pn", ProtoField.uint64, "Last packet number")
do
    local all = {}
    for _, f in pairs(F) do all[#all + 1] = f end
    htp.fields = all
end
local bad = ProtoExpert.new("hkphtp.bad", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
local no_open = ProtoExpert.new("hkphtp.no_open", "Does not open under the keys of the log",
    expert.group.DECRYPTION, expert.severity.WARN)
htp.experts = { bad, no_open }

---------------------------------------------------------------------------------------------------------------
-- Contents

-- Adds a row of fields { name, size } from at on; size 0 stands for what is between.
local function row(tree, tvb, at, list)
    for _, item in ipairs(list) do
        if item[1] then tree:add(F[item[1]], tvb(at, item[2])) end
        at = at + item[2]
    end
    return at
end

local function certificate(tree, tvb, at, len)
    if len > 0 then tree:add(F.cert, tvb(at, len)) end
    return at + len
end

local inner = {
    [1] = function(tree, tvb)
        row(tree, tvb, 0, { { "node_id", 16 }, { "ck_index", 8 }, { "time_us", 8 }, { "ticket", 16 }, { "mode", 1 },
            { "signature", 64 } })
    end,
    [2] = function(tree, tvb)
        row(tree, tvb, 0, { { "sid_v", 8 }, { "challenge", 32 }, { "version", 2 }, { "suite", 2 }, { "features", 2 },
            { "mode", 1 }, { "demands", 1 }, { "pcr_mask", 4 }, { "time_us", 8 }, { "time_us", 8 },
            { "identity_key", 32 }, { "cert_form", 1 } })
        row(tree, tvb, certificate(tree, tvb, 104, tvb(102, 2):uint()), { { "signature", 64 } })
    end,
    [3] = function(tree, tvb)
        row(tree, tvb, 0, { { "time_us", 8 }, { "ter_index", 8 }, { "h_t", 32 }, { "h_integrity", 20 },
            { "policy_ver", 4 }, { "boot_id", 16 }, { "cert_form", 1 } })
        local at, quote = certificate(tree, tvb, 96, tvb(90, 2):uint()), tvb(92, 2):uint()
        if quote > 0 then tree:add(F.quote, tvb(at, quote)) end
        row(tree, tvb, at + quote, { { "signature", 64 } })
    end,
    [4] = function(tree, tvb)
        row(tree, tvb, 0, { { "secret", 32 }, { "ce", 32 }, { "ticket", 16 }, { "reset_token", 16 }, { "lifetime", 4 },
            { "trust", 2 }, { "interval", 2 }, { "interval", 2 }, { "clock", 1 }, { "resonance", 1 },
            { "address", 16 }, { "port", 2 } })
        if tvb:len() == 364 then
            row(tree, tvb, 126, { { "sid_v", 8 }, { "version", 2 }, { "suite", 2 }, { "features", 2 }, { "mode", 1 } })
        end
    end
}

-- One frame at at; its end, or nil when it does not fit. ctx: id and side of the sender.
local frames = {
    [0] = function(_, tvb) return tvb:len() end,
    [1] = function(tree, tvb, at)
        local count = tvb(at + 1, 1):uint()
        row(tree, tvb, at + 1, { { "ranges", 1 }, { "ack_delay", 2 }, { "largest", 8 }, { "first", 4 } })
        at = at + 16
        for _ = 1, band(count, 0x3f) do at = row(tree, tvb, at, { { "gap", 2 }, { "range", 2 } }) end
        if band(count, 0x80) ~= 0 then at = row(tree, tvb, at, { { "ect0", 4 }, { "ce_marks", 4 } }) end
        return at
    end,
    [2] = function(tree, tvb, at)
        tree:add(F.fin, tvb(at + 1, 1))
        row(tree, tvb, at + 1, { { "class", 1 }, { "stream", 4 }, { "offset", 8 } })
        local n = tvb(at + 14, 2):uint()
        if n > 0 then tree:add(F.data, tvb(at + 16, n)) end
        return at + 16 + n
    end,
    [3] = function(tree, tvb, at)
        local n = tvb(at + 2, 2):uint()
        row(tree, tvb, at + 1, { { "class", 1 }, { nil, 2 }, { "data", n } })
        return at + 4 + n
    end,
    [4] = function(tree, tvb, at)
        return row(tree, tvb, at + 2, { { "code", 2 }, { "stream", 4 }, { "offset", 8 } })
    end,
    [5] = function(tree, tvb, at) return row(tree, tvb, at + 2, { { "code", 2 }, { "stream", 4 } }) end,
    [6] = function(tree, tvb, at)
        return row(tree, tvb, at + 1, { { "kind", 1 }, { nil, 2 }, { "stream", 4 }, { "limit", 8 } })
    end,
    [7] = function(tree, tvb, at) return row(tree, tvb, at + 1, { { "data", 8 } }) end,
    [8] = function(tree, tvb, at) return row(tree, tvb, at + 1, { { "data", 8 } }) end,
    [9] = function(_, _, at) return at + 1 end,
    [0x0a] = function(tree, tvb, at)
        return row(tree, tvb, at + 1, { { "op", 1 }, { nil, 2 }, { "epoch_no", 4 }, { "ck_index", 8 },
            { "public", 32 }, { "ce", 32 } })
    end,
    [0x0b] = function(tree, tvb, at, ctx)
        -- Whoever gives a token wants to be found by it.
        by_token[tostring(tvb(at + 4, 8):bytes()):lower()] = { id = ctx.id, side = ctx.sender }
        return row(tree, tvb, at + 2, { { "seq", 2 }, { "new_token", 8 }, { "reset_token", 16 } })
    end,
    [0x0c] = function(tree, tvb, at) return row(tree, tvb, at + 2, { { "seq", 2 } }) end,
    [0x10] = function(tree, tvb, at)
        return row(tree, tvb, at + 1, { { "hb_mode", 1 }, { "interval", 2 }, { "nat", 1 }, { "energy", 1 },
            { "load", 1 }, { nil, 1 }, { "time_us", 8 }, { "challenge", 16 } })
    end,
    [0x11] = function(tree, tvb, at)
        return row(tree, tvb, at + 2, { { "trust", 2 }, { "time_us", 8 }, { "time_us", 8 }, { "time_us", 8 },
            { "challenge", 16 }, { "address", 16 }, { "port", 2 } }) + 2
    end,
    [0x12] = function(tree, tvb, at)
        return row(tree, tvb, at + 2, { { "reason", 2 }, { "trust", 2 }, { "retry_after", 2 }, { "last_pn", 8 } })
    end
}

local function dissect_frames(tree, tvb, ctx)
    local at, names = 0, {}
    while at < tvb:len() do
        local kind = tvb(at, 1):uint()
        local one = tree:add(F.frame_type, tvb(at, 1))
        local read = frames[kind]
        if kind >= 0x40 and kind <= 0x7f then read = function(_, t, a) return a + 4 + t(a + 2, 2):uint() end end
        local ok, stop = false, nil
        if read then ok, stop = pcall(read, one, tvb, at, ctx) end
        if not ok or stop == nil or stop > tvb:len() then
            one:add_proto_expert_info(bad)
            break
        end
        one:set_len(stop - at)
        names[#names + 1] = frame_types[kind] or string.format("0x%02x", kind)
        at = stop
    end
    return names
end

---------------------------------------------------------------------------------------------------------------
-- Packets

local function plain_tvb(text, name) return ByteArray.new(text, true):tvb(name) end

local function hello_clear(tree, tvb)
    tree:add(F.features, tvb(2, 2))
    for i = 0, tvb(0, 1):uint() - 1 do tree:add(F.offered_version, tvb(4 + 2 * i, 2)) end
    for i = 0, tvb(1, 1):uint() - 1 do tree:add(F.suite, tvb(12 + 2 * i, 2)) end
    tree:add(F.public, tvb(20, 32))
    tree:add(F.cookie, tvb(52, 32))
    return 84
end

local function dissect_handshake(tree, raw, tvb, kind, retry, nonce)
    local payload, clear = tvb(100), 0
    if kind == 1 then clear = hello_clear(tree, payload) end
    if kind == 2 and retry then
        tree:add(F.cookie, payload(0, 32))
        for i = 0, 3 do tree:add(F.offered_version, payload(32 + 2 * i, 2)) end
        return
    end
    local found = handshake[nonce]
    if kind == 2 then
        tree:add(F.public, payload(0, 32))
        clear = 32
    end
    if found == nil then
        tree:add(F.payload, payload(clear))
        return
    end
    local full = string.rep("\0", 4) .. unhex(nonce)
    local text = chacha_open(found.k, full, found.h, raw:sub(101 + clear))
    if text == nil and kind == 4 then -- a resumed ACCEPT begins with a key
        clear = 32
        text = chacha_open(found.k, full, found.h, raw:sub(101 + clear))
        if text then tree:add(F.public, payload(0, 32)) end
    end
    if text == nil or inner[kind] == nil then
        tree:add(F.payload, payload(clear)):add_proto_expert_info(no_open)
        return
    end
    local t = plain_tvb(text, "Decrypted HTP")
    inner[kind](tree:add(htp, t(), "Contents"), t)
end

-- The packet without its mask, and the keys that may open it.
local function find_keys(raw)
    local token = by_token[Struct.tohex(raw:sub(13, 20)):lower()]
    if token == nil then return raw, nil end
    local dir = token.side == "V" and "E2V" or "V2E"
    local list = keys[token.id .. dir]
    if list == nil then return raw, nil end
    local ctx = { id = token.id, sender = token.side == "V" and "E" or "V", dir = dir, list = list }
    if list.hp then
        local m = chacha_block(list.hp, 0, raw:sub(21, 28) .. string.rep("\0", 4))
        local flags = xor_bytes(raw:sub(29, 32), m:sub(13, 16))
        local at = band(be32(flags, 1), 4) ~= 0 and 97 or 33
        if #raw < at + 3 then return raw, nil end
        raw = xor_bytes(raw:sub(1, 4), m:sub(1, 4)) .. xor_bytes(raw:sub(5, 12), m:sub(5, 12)) .. raw:sub(13, 28) ..
            flags .. raw:sub(33, at - 1) .. xor_bytes(raw:sub(at, at + 3), m:sub(17, 20)) .. raw:sub(at + 4)
        ctx.masked = true
    end
    return raw, ctx
end

local function open_protected(raw, ctx, prefix)
    local epoch = band(be32(raw, 29), 3)
    for i = #ctx.list, 1, -1 do
        local k = ctx.list[i]
        if k.epoch % 4 == epoch then
            local nonce = xor_bytes(k.iv, raw:sub(5, 8) .. raw:sub(21, 28))
            local open = k.suite == 2 and gcm_open or chacha_open
            local text = open(k.key, nonce, raw:sub(1, prefix), raw:sub(prefix + 1))
            if text then return text end
        end
    end
end

local function looks_like_htp(raw)
    if #raw < 36 then return false end
    local token = by_token[Struct.tohex(raw:sub(13, 20)):lower()]
    if token then return true end
    if byte(raw, 1) ~= 1 or byte(raw, 2) ~= 0 or types[be32(raw, 1) % 65536] == nil then return false end
    local at = band(be32(raw, 29), 4) ~= 0 and 97 or 33
    return #raw >= at + 3 and be32(raw, at) == #raw - at - 3
end

local function dissect(tvb, pinfo, root)
    local raw = tvb:raw()
    if #raw < 36 then return 0 end
    pinfo.cols.protocol = "HTP"
    local tree = root:add(htp, tvb())
    local kind, ctx = be32(raw, 1) % 65536, nil
    local is_handshake = be32(raw, 1) >= 0x01000001 and be32(raw, 1) <= 0x01000005
    local shown = tvb
    if not is_handshake then
        raw, ctx = find_keys(raw)
        kind = be32(raw, 1) % 65536
        if ctx and ctx.masked then
            shown = plain_tvb(raw, "Unmasked HTP")
            tree:add(F.masked, true)
        end
    end
    local flags = be32(raw, 29)
    local prefix = band(flags, 4) ~= 0 and 100 or 36
    if types[kind] == nil or #raw < prefix then
        tree:add(F.token, tvb(12, 8))
        pinfo.cols.info = "masked, or not of this version"
        return tvb:len()
    end
    row(tree, shown, 0, { { "version", 2 }, { "type", 2 }, { "sequence", 4 }, { "timestamp", 4 }, { "token", 8 },
        { "nonce", 8 }, { "flags", 4 } })
    row(tree, shown, 28, { { "epoch", 4 } })
    row(tree, shown, 28, { { "res", 4 } })
    row(tree, shown, 28, { { "retry", 4 } })
    if prefix == 100 then row(tree, shown, 32, { { "rdv", 32 }, { "posf", 32 } }) end
    row(tree, shown, prefix - 4, { { "length", 4 } })
    local name = types[kind]
    if is_handshake then
        local retry = band(flags, 8) ~= 0
        if retry then name = "RETRY" end
        pinfo.cols.info = name
        dissect_handshake(tree, raw, tvb, kind, retry, Struct.tohex(raw:sub(21, 28)):lower())
        return tvb:len()
    end
    pinfo.cols.info = string.format("%s seq=%u", name, be32(raw, 5) % 4294967296)
    local text = ctx and open_protected(raw, ctx, prefix)
    if text == nil then
        local p = tree:add(F.payload, shown(prefix))
        if ctx then p:add_proto_expert_info(no_open) end
        return tvb:len()
    end
    tree:add(F.session, ctx.id):set_generated()
    tree:add(F.direction, ctx.dir):set_generated()
    local t = plain_tvb(text, "Decrypted HTP")
    local names = dissect_frames(tree:add(htp, t(), "Frames"), t, ctx)
    pinfo.cols.info:append(" " .. table.concat(names, ","))
    return tvb:len()
end

function htp.dissector(tvb, pinfo, root)
    if not looks_like_htp(tvb:raw()) and pinfo.dst_port ~= htp.prefs.port and pinfo.src_port ~= htp.prefs.port then
        return 0
    end
    return dissect(tvb, pinfo, root)
end

local registered
function htp.init()
    read_keylog()
    if registered ~= htp.prefs.port then
        local ports = DissectorTable.get("udp.port")
        if registered then ports:remove(registered, htp) end
        registered = htp.prefs.port
        ports:add(registered, htp)
    end
end

htp:register_heuristic("udp", function(tvb, pinfo, root)
    if not looks_like_htp(tvb:raw()) then return false end
    dissect(tvb, pinfo, root)
    pinfo.conversation = htp
    return true
end)
