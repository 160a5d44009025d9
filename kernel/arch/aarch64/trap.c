/* Exceptions: interrupts go to irq_dispatch, everything else is reported in words and ends the kernel. */
#include "kernel/arch/aarch64/aarch64.h"
#include "kernel/arch/arch.h"
#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"

_Static_assert(sizeof(struct trap_frame) == TRAP_FRAME_BYTES, "vectors.S saves it");
_Static_assert(offsetof(struct trap_frame, elr) == TRAP_ELR, "vectors.S saves it");
_Static_assert(offsetof(struct trap_frame, esr) == TRAP_ESR, "vectors.S saves it");

/* Vector number: four kinds for each of four origins. */
enum {
    VECTOR_KIND_COUNT = 4,
    VECTOR_IRQ = 1,
    ORIGIN_KERNEL_COUNT = 2, /* origins 0 and 1 are EL1; 2 and 3 would be EL0 */
};

enum exception_class {
    EC_UNKNOWN = 0x00,
    EC_WFX = 0x01,
    EC_FP = 0x07,
    EC_BTI = 0x0d,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SVC = 0x15,
    EC_HVC = 0x16,
    EC_SYSREG = 0x18,
    EC_FETCH_LOWER = 0x20,
    EC_FETCH = 0x21,
    EC_PC_ALIGNMENT = 0x22,
    EC_DATA_LOWER = 0x24,
    EC_DATA = 0x25,
    EC_SP_ALIGNMENT = 0x26,
    EC_SERROR = 0x2f,
    EC_BRK = 0x3c,
};

static const char *const class_texts[64] = {
    [EC_UNKNOWN] = "undefined instruction",
    [EC_WFX] = "trapped WFI or WFE",
    [EC_FP] = "floating point or vector instruction, which the kernel does not use",
    [EC_BTI] = "branch target exception",
    [EC_ILLEGAL_STATE] = "illegal execution state",
    [EC_SVC] = "system call from the kernel",
    [EC_HVC] = "hypervisor call refused",
    [EC_SYSREG] = "access to a system register that is not there",
    [EC_FETCH_LOWER] = "instruction fetch from user mode",
    [EC_FETCH] = "instruction fetch",
    [EC_PC_ALIGNMENT] = "misaligned program counter",
    [EC_DATA_LOWER] = "data access from user mode",
    [EC_DATA] = "data access",
    [EC_SP_ALIGNMENT] = "misaligned stack pointer",
    [EC_SERROR] = "SError",
    [EC_BRK] = "breakpoint instruction",
};

/* ISS fault status: the class in bits 5..2, the level below. */
static const char *
fault_text(uint64_t status)
{
    switch (status >> 2 & 0xf) {
    case 0: return "address size fault";
    case 1: return "not mapped (translation fault)";
    case 2: return "access flag fault";
    case 3: return "not permitted (permission fault)";
    case 4: return "external abort";
    case 8: return status == 0x21 ? "alignment fault" : "debug fault";
    case 12: return "TLB conflict";
    default: return "other fault";
    }
}

/* What the address means, where it means something to us. */
static const char *
address_text(uint64_t address)
{
    for (uint32_t i = 0; i < CPU_COUNT_MAX; i++) {
        const struct cpu_stack *stack = &cpu_stacks[i];
        uint64_t low = address - (uintptr_t)stack->guard_low;
        uint64_t high = address - (uintptr_t)stack->guard_high;

        if (low < CPU_STACK_GUARD_BYTES) {
            return ": guard page, exception stack overflow";
        }
        if (high < CPU_STACK_GUARD_BYTES) {
            return ": guard page, stack overflow";
        }
    }
    if (address >= (uintptr_t)image_text_start && address < (uintptr_t)image_text_end) {
        return ": kernel text";
    }
    if (address >= (uintptr_t)image_rodata_start && address < (uintptr_t)image_rodata_end) {
        return ": kernel read-only data";
    }
    return address < PAGE_BYTES ? ": null pointer" : "";
}

static void
report_cause(const struct trap_frame *frame, uint32_t vector)
{
    static const char *const kinds[VECTOR_KIND_COUNT] = { "synchronous", "IRQ", "FIQ", "SError" };
    uint64_t class = frame->esr >> 26 & 0x3f;
    uint64_t status = frame->esr & 0x3f;
    const char *text = class_texts[class] != NULL ? class_texts[class] : "exception";

    console_print("  cause     %s exception, %s (ESR 0x%lx, class 0x%lx)\n",
                  kinds[vector % VECTOR_KIND_COUNT], text, frame->esr, class);
    if (class == EC_DATA || class == EC_FETCH) {
        const char *way =
            class == EC_FETCH ? "fetch" : ((frame->esr >> 6 & 1) != 0 ? "write" : "read");

        console_print("  address   0x%016lx, %s: %s, level %lu%s\n", frame->far, way,
                      fault_text(status), status & 3, address_text(frame->far));
    }
}

/* A return address is shown as it is, and named after the call before it, which may be a function's last word. */
static void
print_place(const char *label, uint64_t address, bool is_return)
{
    uint64_t offset;
    const char *name = arch_symbol(is_return ? address - 4 : address, &offset);

    console_print("  %-9s 0x%016lx  %s+0x%lx  (image+0x%lx)\n", label, address, name, offset,
                  address - (uintptr_t)image_text_start);
}

static void
report_registers(const struct trap_frame *frame)
{
    print_place("pc", frame->elr, false);
    print_place("lr", frame->x[30], true);
    console_print("  sp        0x%016lx  pstate 0x%lx\n", frame->sp, frame->spsr);
    for (uint32_t i = 0; i < 30; i += 3) {
        console_print("  x%-2u 0x%016lx  x%-2u 0x%016lx  x%-2u 0x%016lx\n", i, frame->x[i], i + 1,
                      frame->x[i + 1], i + 2, frame->x[i + 2]);
    }
}

/* Frame records: [x29] = caller's x29, [x29 + 8] = return address. Rising addresses, within one stack at a time. */
static void
report_backtrace(const struct trap_frame *frame)
{
    enum { FRAME_COUNT_MAX = 32 };
    uint64_t fp = frame->x[29];

    console_print("backtrace:\n");
    print_place("", frame->elr, false);
    for (uint32_t i = 0; i < FRAME_COUNT_MAX; i++) {
        bool is_inside = fp >= (uintptr_t)cpu_stacks && fp < (uintptr_t)&cpu_stacks[CPU_COUNT_MAX];

        if (!is_inside || !is_aligned(fp, 16) || !mmu_is_readable(fp)) {
            break;
        }
        const uint64_t *record = (const uint64_t *)(uintptr_t)fp;
        if (record[1] == 0) {
            break;
        }
        print_place("", record[1], true);
        if (record[0] <= fp) {
            break;
        }
        fp = record[0];
    }
}

static void
trap_report(const struct trap_frame *frame, uint32_t vector)
{
    uint64_t now_ns = time_now_ns();
    const char *message = panic_message();

    console_print("\nPANIC: %s\n", message[0] != '\0' ? message : "unexpected exception");
    console_print("  CPU %u at %lu.%06lu s\n", arch_cpu_idx(), now_ns / NS_PER_S,
                  now_ns % NS_PER_S / NS_PER_US);
    if (message[0] == '\0') {
        report_cause(frame, vector);
    }
    report_registers(frame);
    report_backtrace(frame);
}

/* Called by vectors.S. */
void trap_handle(const struct trap_frame *frame, uint32_t vector);

void
trap_handle(const struct trap_frame *frame, uint32_t vector)
{
    bool is_ours = vector / VECTOR_KIND_COUNT < ORIGIN_KERNEL_COUNT;

    if (is_ours && vector % VECTOR_KIND_COUNT == VECTOR_IRQ) {
        irq_dispatch();
        return;
    }
    if (!panic_begin()) {
        arch_halt();
    }
    trap_report(frame, vector);
    panic_finish();
}
