// Runs a top that takes samples without end: one lead in through s_axis, the packets' beats out into a file.
//
//   record SAMPLES_FILE COUNT OUT_FOLDER MODE SEED [AFTER BYTES]
//
// SAMPLES_FILE holds COUNT int16 samples. MODE: burst, a sample whenever the top takes one and results taken at once; or random, with
// random gaps before samples and random pauses before results, from SEED. Files: results.u32, every beat's TDATA and TLAST in turn;
// taken.u64 and sent.u64, the cycle of each sample at s_axis and of each beat at m_axis.
// Ends when nothing has come for POPBEAT_DRAIN cycles after the last sample, and with status 1 when the top stops answering before
// it. config.h (generated) defines POPBEAT_DRAIN, more cycles than a beat takes, and POPBEAT_IMAGE where OUT_FOLDER/image.bin is to be
// loaded through c_axis first; then, if AFTER is given, the first BYTES of OUT_FOLDER/later.bin are offered to c_axis from sample AFTER
// on (TLAST with the file's last one), while samples and results go on, and state.u32 gets what became of it: status and loaded.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "common.h"
#include "config.h"
#include "verilated.h"

namespace {

constexpr uint64_t DRAIN = POPBEAT_DRAIN, STUCK = 5 * DRAIN;

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6 && argc != 8) {
        fprintf(stderr, "usage: record SAMPLES_FILE COUNT OUT_FOLDER MODE SEED [AFTER BYTES]\n");
        return 2;
    }
    const size_t count = strtoull(argv[2], nullptr, 10);
    const bool random_mode = std::string(argv[4]) == "random";
    Random random{strtoull(argv[5], nullptr, 10) * 2 + 1};
    const auto samples = read_samples(argv[1], count);

    auto context = std::make_unique<VerilatedContext>();
    auto top = std::make_unique<Vtop>(context.get());
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 0;
#ifdef POPBEAT_IMAGE
    top->c_axis_tvalid = 0;
#endif
    for (int i = 0; i < 8; ++i) {
        top->clk = i & 1;
        top->eval();
    }
    top->clk = 0;
    top->rst = 0;
    top->eval();
#ifdef POPBEAT_IMAGE
    if (const int status = load_image(*top, std::string(argv[3]) + "/image.bin")) return status;
    const size_t after = argc == 8 ? strtoull(argv[6], nullptr, 10) : count;
    const size_t bytes = argc == 8 ? strtoull(argv[7], nullptr, 10) : 0;
    const auto later = argc == 8 ? read_bytes(std::string(argv[3]) + "/later.bin") : std::vector<uint8_t>();
    size_t loaded = 0;
#endif

    std::vector<uint32_t> results;
    std::vector<uint64_t> takes, sends;
    uint64_t cycle = 0;
    size_t sent = 0;
    bool offering = false;
    for (uint64_t idle = 0; sent < count || idle < DRAIN; ++idle) {
        if (!offering) offering = sent < count && (!random_mode || random.chance());
        top->s_axis_tvalid = offering;
        if (offering) top->s_axis_tdata = static_cast<uint16_t>(samples[sent]);
        top->m_axis_tready = !random_mode || random.chance();
#ifdef POPBEAT_IMAGE
        top->c_axis_tvalid = sent >= after && loaded < bytes;
        if (top->c_axis_tvalid) {
            top->c_axis_tdata = later[loaded];
            top->c_axis_tlast = loaded + 1 == later.size();
        }
#endif
        top->eval();
#ifdef POPBEAT_IMAGE
        if (top->c_axis_tvalid && top->c_axis_tready) {
            ++loaded;
            idle = 0;
        }
#endif
        if (offering && top->s_axis_tready) {
            ++sent;
            takes.push_back(cycle);
            offering = false;
            idle = 0;
        }
        if (top->m_axis_tvalid && top->m_axis_tready) {
            results.insert(results.end(), {top->m_axis_tdata, top->m_axis_tlast});
            sends.push_back(cycle);
            idle = 0;
        }
        if (idle > STUCK) {
            fprintf(stderr, "no progress for %d cycles after sample %zu of %zu\n", static_cast<int>(STUCK), sent, count);
            return 1;
        }
        top->clk = 1;
        top->eval();
        top->clk = 0;
        top->eval();
        ++cycle;
    }
    write(std::string(argv[3]) + "/taken.u64", takes.data(), takes.size() * sizeof(uint64_t));
    write(std::string(argv[3]) + "/sent.u64", sends.data(), sends.size() * sizeof(uint64_t));
    write(std::string(argv[3]) + "/results.u32", results.data(), results.size() * sizeof(uint32_t));
#ifdef POPBEAT_IMAGE
    const uint32_t state[] = {top->status, top->loaded};
    write(std::string(argv[3]) + "/state.u32", state, sizeof state);
#endif
    top->final();
    write_counts(*context);
    return 0;
}
