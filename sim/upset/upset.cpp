// Flips single bits of a running top, each in a child process, and tells what came out of it.
//
//   upset list OUT                                       what can be flipped: scope, name, bits, depth, a line each
//   upset run WINDOWS_FILE COUNT AGAIN UPSETS OUT EVERY [IMAGE]  COUNT windows back to back, then a reset and AGAIN more
//   upset start WINDOWS_FILE COUNT 0 STARTS OUT 0 [IMAGE]  registers from random states, one cycle of reset, then COUNT windows
//
// STARTS: first lines of scope and name of what has no state before a reset; behind a line "seeds" the seeds, of which a negative one
// is without the reset. OUT then gets a line for each seed.
// UPSETS: a text file, sorted by cycle, a line each: cycle after reset, scope, name, word, bit; cycle 0 flips nothing, bit -1 flips
// bit 0 of every register. OUT gets a line for each: how many windows' samples had been taken at the end, whether the top stood
// still, the words that came out, those after the reset, each list as "word:cycle:last ...", the lists between bars.
// config.h (generated) defines POPBEAT_WINDOW, POPBEAT_WORDS, POPBEAT_BEAT as at harness.cpp, and POPBEAT_PATIENCE, cycles without a
// beat in or out that are too many; POPBEAT_IMAGE where a network, the file IMAGE, is loaded through c_axis first.
// Every so many cycles (EVERY; 0: never) the whole state is compared with that of a run without an upset at the same cycle. Where they
// are equal, all that follows is equal, too, and is not simulated again.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "Vtop.h"
#include "common.h"
#include "config.h"
#include "verilated.h"
#include "verilated_syms.h"

namespace {

constexpr size_t BEATS = (POPBEAT_WORDS + POPBEAT_WINDOW) / POPBEAT_BEAT;

struct Cell {
    uint8_t* data;
    size_t entry, bits, depth;
};
using Cells = std::map<std::string, Cell>;

// The registers that are public, by "scope name"; the top's own ports are not among them.
Cells cells_of(VerilatedContext& context) {
    Cells cells;
    for (const auto& [name, scope] : *context.scopeNameMap()) {
        if (!scope->varsp() || std::string(name) == "TOP") continue;
        for (const auto& [key, var] : *scope->varsp()) {
            const size_t depth = var.udims() ? var.unpackedRanges()[0].elements() : 1;
            size_t bits = 1;
            for (const auto& range : var.packedRanges()) bits *= range.elements();
            cells[std::string(name) + " " + key] = {static_cast<uint8_t*>(var.datap()), var.entSize(), bits, depth};
        }
    }
    return cells;
}

struct Upset {
    uint64_t cycle;
    std::string scope, name;
    size_t word;
    int bit;
};

class Bed {
  public:
    Bed(const std::vector<int16_t>& samples, size_t count, size_t again, uint64_t every, std::string image)
        : samples_(samples), count_(count), again_(again), every_(every), image_(std::move(image)) {
        top_ = std::make_unique<Vtop>(&context_);
        cells_ = cells_of(context_);
        top_->clk = 0, top_->eval();  // what is initial comes now, and not over what is written later
    }

    const Cells& cells() const { return cells_; }

    int reset(int cycles = 4) {
        top_->rst = cycles > 0, top_->clk = 0, top_->s_axis_tvalid = 0, top_->m_axis_tready = 0;
#ifdef POPBEAT_IMAGE
        top_->c_axis_tvalid = 0;
#endif
        for (int i = 0; i < cycles; ++i) clock();
        top_->rst = 0;
        cycle_ = 0, idle_ = 0, offering_ = false, sent_ = 0, came_.clear();
        comparing_ = false;
#ifdef POPBEAT_IMAGE
        if (load_image(*top_, image_)) return 1;
#endif
        return 0;
    }

    // A cycle: false when all has come that can, or nothing moves any more.
    bool step(size_t first, size_t count) {
        if (!offering_) offering_ = sent_ < count * BEATS;
        top_->s_axis_tvalid = offering_;
        if (offering_) {
            uint64_t word = 0;
            const int16_t* at = &samples_[(first * BEATS + sent_) * POPBEAT_BEAT];
            for (size_t k = POPBEAT_BEAT; k--;) word = word << 16 | static_cast<uint16_t>(at[k]);
            top_->s_axis_tdata = word;
            top_->s_axis_tlast = (sent_ + 1) % BEATS == 0;
        }
        top_->m_axis_tready = 1;
        top_->eval();
        bool moved = false;
        if (offering_ && top_->s_axis_tready) ++sent_, offering_ = false, moved = true;
        if (top_->m_axis_tvalid) came_.push_back({top_->m_axis_tdata, cycle_, top_->m_axis_tlast}), moved = true;
        idle_ = moved ? 0 : idle_ + 1;
        clock();
        ++cycle_;
        if (every_ && cycle_ % every_ == 0) {
            if (recording_) states_.push_back(state());
            if (comparing_ && cycle_ / every_ <= states_.size()) rejoined_ = states_[cycle_ / every_ - 1] == state();
            if (rejoined_) return false;
        }
        // What never ends a packet would go on for ever.
        return idle_ < POPBEAT_PATIENCE && came_.size() < 4096;
    }

    void flip(const Upset& upset) {
        if (upset.bit < 0) {
            for (auto& [name, cell] : cells_)
                if (cell.depth == 1) cell.data[0] ^= 1;
            return;
        }
        const Cell& cell = cells_.at(upset.scope + " " + upset.name);
        cell.data[upset.word * cell.entry + upset.bit / 8] ^= 1 << upset.bit % 8;
    }

    // Random bits into these cells.
    void scatter(const std::vector<std::string>& cells, uint64_t seed) {
        Random random{seed * 2 + 1};
        for (int i = 0; i < 64; ++i) random.chance();
        for (const auto& name : cells) {
            const Cell& cell = cells_.at(name);
            for (size_t word = 0; word < cell.depth; ++word)
                for (size_t bit = 0; bit < cell.bits; ++bit)
                    if (random.chance()) cell.data[word * cell.entry + bit / 8] ^= 1 << bit % 8;
        }
    }

    // A start from a random state, and the windows; without a reset where there is to be none.
    std::string started(const std::vector<std::string>& cells, int seed) {
        scatter(cells, seed < 0 ? -seed : seed);
        if (reset(seed > 0)) return "\n";
        return rest();
    }

    // The run without an upset: what it says, and its states. To be called in a child, whose answer ``learn`` takes.
    std::string plain() {
        recording_ = true;
        const std::string said = rest();
        std::ostringstream out;
        out << said;
        for (const auto one : states_) out << one << ' ';
        return out.str();
    }

    bool learn(const std::string& told) {
        const size_t end = told.find('\n');
        if (end == std::string::npos || end == 0) return false;
        plain_ = told.substr(0, end + 1);
        std::istringstream states(told.substr(end + 1));
        for (uint64_t one; states >> one;) states_.push_back(one);
        return states_.empty() == !every_;
    }

    // What follows an upset.
    std::string upset(const Upset& one) {
        flip(one);
        comparing_ = true;
        return rest();
    }

    // From here to the end of the windows, then a reset and what comes after it.
    std::string rest() {
        while (step(0, count_)) {}
        if (rejoined_) return plain_;
        recording_ = false;
        std::ostringstream out;
        out << sent_ / BEATS << ' ' << (sent_ < count_ * BEATS) << " |" << words() << " |";
        if (again_ && !reset()) {
            while (step(count_, again_)) {}
            out << words();
        }
        return out.str() + "\n";
    }

    uint64_t cycle() const { return cycle_; }

  private:
    struct Word {
        uint32_t word;
        uint64_t cycle;
        int last;
    };

    void clock() {
        top_->clk = 1, top_->eval();
        top_->clk = 0, top_->eval();
    }

    // A hash of every register, every memory and all that this bench itself remembers.
    uint64_t state() const {
        uint64_t hash = 0;
        const auto mix = [&hash](uint64_t word) {
            hash = (hash ^ word) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 29;
        };
        for (const auto& [name, cell] : cells_) {
            const size_t bytes = cell.entry * cell.depth;
            size_t at = 0;
            for (; at + 8 <= bytes; at += 8) {
                uint64_t word;
                memcpy(&word, cell.data + at, 8);
                mix(word);
            }
            for (; at < bytes; ++at) mix(cell.data[at]);
        }
        for (const auto& one : came_) mix(one.word), mix(one.cycle), mix(one.last);
        mix(cycle_), mix(idle_), mix(sent_), mix(offering_);
        return hash;
    }

    std::string words() const {
        std::ostringstream out;
        for (const auto& one : came_) out << ' ' << one.word << ':' << one.cycle << ':' << one.last;
        return out.str();
    }

    const std::vector<int16_t>& samples_;
    size_t count_, again_;
    uint64_t every_;
    std::string image_;
    VerilatedContext context_;
    std::unique_ptr<Vtop> top_;
    Cells cells_;
    uint64_t cycle_ = 0, idle_ = 0;
    size_t sent_ = 0;
    bool offering_ = false, recording_ = false, comparing_ = false, rejoined_ = false;
    std::vector<Word> came_;
    std::vector<uint64_t> states_;
    std::string plain_;
};

std::vector<Upset> read_upsets(const char* path) {
    std::ifstream in(path);
    std::vector<Upset> upsets;
    for (Upset one; in >> one.cycle >> one.scope >> one.name >> one.word >> one.bit;) upsets.push_back(one);
    return upsets;
}

bool write_all(int to, const std::string& text) {
    for (size_t done = 0; done < text.size();) {
        const ssize_t now = ::write(to, text.data() + done, text.size() - done);
        if (now <= 0) return false;
        done += now;
    }
    return true;
}

// What a run in a child says, or an empty line where it ended badly.
template <typename Run>
std::string in_child(Run run) {
    int ends[2];
    if (pipe(ends)) exit(2);
    const pid_t child = fork();
    if (child < 0) exit(2);
    if (child == 0) {
        close(ends[0]);
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        alarm(600);  // a loop within a cycle
        _exit(write_all(ends[1], run()) ? 0 : 3);
    }
    close(ends[1]);
    std::string said;
    char part[65536];
    for (ssize_t length; (length = read(ends[0], part, sizeof part)) > 0;) said.append(part, length);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return status || said.empty() ? "\n" : said;
}

int list(const char* path) {
    const std::vector<int16_t> none;
    Bed bed(none, 0, 0, 0, "");
    std::ofstream out(path);
    for (const auto& [name, cell] : bed.cells()) out << name << ' ' << cell.bits << ' ' << cell.depth << '\n';
    return out.flush() ? 0 : 2;
}

int start(Bed& bed, const char* starts, const char* path) {
    std::ifstream in(starts);
    std::vector<std::string> cells;
    for (std::string scope, name; in >> scope && scope != "seeds" && in >> name;) cells.push_back(scope + " " + name);
    std::ofstream out(path);
    for (int seed; in >> seed;) out << in_child([&] { return bed.started(cells, seed); });
    return out.flush() ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && !strcmp(argv[1], "list")) return list(argv[2]);
    if (argc != 8 && argc != 9) {
        fprintf(stderr, "usage: upset list OUT | upset run|start WINDOWS_FILE COUNT AGAIN UPSETS OUT EVERY [IMAGE]\n");
        return 2;
    }
    const size_t count = strtoull(argv[3], nullptr, 10), again = strtoull(argv[4], nullptr, 10);
    const auto samples = read_samples(argv[2], (count + again) * BEATS * POPBEAT_BEAT);
    Bed bed(samples, count, again, strtoull(argv[7], nullptr, 10), argc == 9 ? argv[8] : "");
    if (!strcmp(argv[1], "start")) return start(bed, argv[5], argv[6]);
    std::ofstream out(argv[6]);
    if (bed.reset()) return 1;
    if (!bed.learn(in_child([&] { return bed.plain(); }))) {
        fprintf(stderr, "the run without an upset stopped\n");
        return 1;
    }
    for (const auto& upset : read_upsets(argv[5])) {
        while (bed.cycle() < upset.cycle)
            if (!bed.step(0, count)) {
                fprintf(stderr, "the windows are over before cycle %llu\n", (unsigned long long)upset.cycle);
                return 1;
            }
        out << in_child([&] {
            return upset.cycle ? bed.upset(upset) : bed.rest();
        });
    }
    return out.flush() ? 0 : 2;
}
