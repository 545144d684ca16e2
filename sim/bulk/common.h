// What the programs round a Verilator model share: samples from a file, values into files, chance from a seed, coverage.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

// The lower ``bytes`` bytes of a wire's value, least significant first.
template <typename T>
void append(std::vector<uint8_t>& out, const T& value, int bytes) {
    if constexpr (std::is_integral_v<T>) {
        for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
    } else {
        const uint8_t* raw = reinterpret_cast<const uint8_t*>(value.data());
        out.insert(out.end(), raw, raw + bytes);
    }
}

inline void write(const std::string& path, const void* data, size_t bytes) {
    FILE* file = fopen(path.c_str(), "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file)) {
        fprintf(stderr, "can't write %s\n", path.c_str());
        exit(2);
    }
}

inline std::vector<int16_t> read_samples(const char* path, size_t count) {
    std::vector<int16_t> samples(count);
    FILE* file = fopen(path, "rb");
    if (!file || fread(samples.data(), sizeof(int16_t), count, file) != count) {
        fprintf(stderr, "%s does not hold %zu samples\n", path, count);
        exit(2);
    }
    fclose(file);
    return samples;
}

inline std::vector<uint8_t> read_bytes(const std::string& path) {
    std::vector<uint8_t> bytes;
    FILE* file = fopen(path.c_str(), "rb");
    if (!file) {
        fprintf(stderr, "can't read %s\n", path.c_str());
        exit(2);
    }
    for (int byte; (byte = fgetc(file)) != EOF;) bytes.push_back(static_cast<uint8_t>(byte));
    fclose(file);
    return bytes;
}

// Sends the file at ``path`` to c_axis, a byte a beat, and waits until it has been taken over; 0, or what a program ends with.
template <typename Top>
int load_image(Top& top, const std::string& path) {
    const auto image = read_bytes(path);
    const auto cycle = [&top] {
        top.clk = 1;
        top.eval();
        top.clk = 0;
        top.eval();
    };
    uint64_t idle = 0;
    for (size_t i = 0; i < image.size() && idle < 1000;) {
        top.c_axis_tvalid = 1;
        top.c_axis_tdata = image[i];
        top.c_axis_tlast = i + 1 == image.size();
        top.eval();
        const bool taken = top.c_axis_tready;
        i += taken;
        idle = taken ? 0 : idle + 1;
        cycle();
    }
    top.c_axis_tvalid = 0;
    for (int i = 0; i < 24; ++i) cycle();
    if (top.loaded) return 0;
    fprintf(stderr, "the image was refused with status %d\n", static_cast<int>(top.status));
    return 1;
}

// Where a model counts coverage, its counts go into the file that the environment names.
inline void write_counts([[maybe_unused]] VerilatedContext& context) {
#if VM_COVERAGE
    if (const char* path = getenv("POPBEAT_COVERAGE")) context.coveragep()->write(path);
#endif
}

struct Random {  // xorshift64*
    uint64_t state;
    bool chance() {
        state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
        return (state * 0x2545F4914F6CDD1DULL) >> 63;
    }
};
