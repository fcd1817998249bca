/* tanh, erf and erfc in f32 where vectors hold 16 of them: the argument's range is cut into 16 cells with a polynomial each, whose
 * coefficients one instruction (vpermps) looks up for all lanes. No exponential and no division, but for the far tail of erfc. The errors
 * are those stated in vmath_trig.c, whose formulas serve all other vectors. */
#include "codegen/vmath_internal.h"

enum { CELLS = 16 };

bool vm_has_cells(const VMath *m) {
    return !m->is_double && m->target->vector_bytes == 64 && irb_lanes(m->type) == CELLS;
}

/* By degree, then by cell: fits at Chebyshev's points, as polynomials of the distance from the cell's centre. */

/* tanh(a), cells about u = 1 + a where u has two bits behind its first, in the order of u's low exponent bits: those of [1, 2) are the last
 * four. Relative errors below 5e-9. */
static const double tanh_cells[][CELLS] = {
    {0.761594156, 0.905148254, 0.96402758, 0.986614298, 0.995054753, 0.9993293, 0.999909204, 0.999987712, 0.999998337,
     0.99999997, 0.0, 0.0, 0.0, 0.244918662, 0.462117157, 0.635148952},
    {0.419974342, 0.180706534, 0.0706508069, 0.0265922287, 0.00986601951, 0.00134097915, 0.000181587244, 2.45770934e-5,
     3.3256899e-6, 6.10131386e-8, 0.0, 0.0, 1.0, 0.940014843, 0.786447745, 0.596585817},
    {-0.319849986, -0.163566273, -0.0681093321, -0.02623627, -0.00981706692, -0.00134005806, -0.000181567736,
     -2.45763811e-5, -3.32385187e-6, -6.0942777e-8, 0.0, 0.0, -5.58805681e-8, -0.230227167, -0.363430987, -0.378920855},
    {0.103604023, 0.0878296854, 0.0421113038, 0.0170207441, 0.00648095138, 0.000891259377, 0.000120894327,
     1.63663189e-5, 2.22262591e-6, 3.98725119e-8, 0.0, 0.0, -0.333328111, -0.256948185, -0.0942075854, 0.0418046324},
    {0.0277082531, -0.0249679379, -0.0178926158, -0.00804787801, -0.00318224045, -0.000444670925, -6.04575697e-5,
     -8.18714045e-6, -1.12976978e-6, -2.01247324e-8, 0.0, 0.0, -0.000178759265, 0.139668155, 0.164674094, 0.099754049},
    {-0.0462461051, -0.00309168922, 0.00470827326, 0.00286570429, 0.00121393118, 0.000184242037, 2.51984287e-5,
     3.41508623e-6, 4.39448738e-7, 9.57429873e-9, 0.0, 0.0, 0.136104654, 0.0719256075, -0.0264474693, -0.0634454316},
    {0.0189920412, 0.00720238027, -0.00011171285, -0.000715197242, -0.000304872034, -6.00843773e-5, -8.30031771e-6,
     -1.12643073e-6, -9.6163087e-8, -3.06543533e-9, 0.0, 0.0, -0.0198787902, -0.068565989, -0.0501682438,
     -0.00128047048},
};

/* erf(a), and in the first cell erf(a) - a, in cells that start at multiples of 1/4, as polynomials of the distance from there: relative errors of
 * erf below 3e-9. */
static const double erf_cells[][CELLS] = {
    {0.0, 0.27632639, 0.520499878, 0.711155634, 0.842700793, 0.922900128, 0.966105146, 0.986671671, 0.995322265,
     0.998537283, 0.999593048, 0.999899378, 0.99997791, 0.999995697, 0.999999257, 0.999999886},
    {0.128379167, 1.06001415, 0.878782541, 0.642931015, 0.415107467, 0.236521125, 0.118930307, 0.0527750108,
     0.0206669914, 0.00714231893, 0.00217828228, 0.000586275655, 0.000139252229, 2.91887037e-5, 5.39932591e-6,
     8.81406079e-7},
    {-8.6106276e-7, -0.265004845, -0.439388896, -0.482194807, -0.415105548, -0.295651543, -0.178396562, -0.092357198,
     -0.0413343588, -0.0160702134, -0.00544558565, -0.00161216025, -0.000417706204, -9.48435983e-5, -1.88914821e-5,
     -3.30368276e-6},
    {-0.376086097, -0.309137997, -0.146520319, 0.0267048133, 0.138321693, 0.167538608, 0.138778961, 0.0901803598,
     0.0482324504, 0.0217245286, 0.00834710098, 0.00275792145, 0.000787816021, 0.000195304961, 4.2136525e-5,
     7.92829336e-6},
    {-0.000691356005, 0.126580244, 0.183707863, 0.151648493, 0.0697407598, -0.00618046762, -0.044904467, -0.0483689233,
     -0.0345568019, -0.0190847535, -0.00858843233, -0.00322961842, -0.00102943765, -0.000280655085, -6.5845269e-5,
     -1.33522391e-5},
    {0.118221653, 0.0826762544, 0.00383680699, -0.0588957949, -0.0725905887, -0.0471776109, -0.0131023941,
     0.00821994595, 0.0137819555, 0.0106839371, 0.00592080182, 0.00258553122, 0.000925778213, 0.000277512724,
     7.05197359e-5, 1.53167935e-5},
    {-0.0194673933, -0.0498001383, -0.0411624006, -0.0104177884, 0.0153725328, 0.0220448957, 0.0143988275,
     0.00414409438, -0.00178365244, -0.00309780479, -0.00224584709, -0.00114376481, -0.000455355449, -0.000147911033,
     -4.00804118e-5, -9.1819073e-6},
};

/* erfc(a) in cells where a (a + 3/4) rounds to the same integer: relative errors below 6e-8. */
static const double erfc_cells[][CELLS] = {
    {0.76356965, 0.346529355, 0.127401474, 0.0490786234, 0.019174717, 0.00753319735, 0.00296618262, 0.00116872651,
     0.000460450433, 0.000181310503, 7.13401864e-5, 2.80455144e-5, 1.10149509e-5, 4.32197908e-6, 1.6941916e-6,
     6.63479499e-7},
    {-1.07846937, -0.724495165, -0.35304484, -0.162748578, -0.0726593519, -0.0317511345, -0.0136598439, -0.00580643286,
     -0.00244451301, -0.0010210085, -0.000423608262, -0.000174747803, -7.17288889e-5, -2.93138123e-5, -1.19332102e-5,
     -4.84087837e-6},
    {0.229385288, 0.482245161, 0.380559152, 0.226468086, 0.120333091, 0.0599971206, 0.0286989296, 0.0133289839,
     0.00605464543, 0.00270282885, 0.00118968955, 0.000517588368, 0.000222976474, 9.52506438e-5, 4.03916973e-5,
     1.7018421e-5},
    {0.32693028, 0.0275456214, -0.155787874, -0.155841221, -0.10863936, -0.0649974998, -0.0356439837, -0.0184628191,
     -0.00918269276, -0.00442961505, -0.00208624617, -0.00096377448, -0.000438180406, -0.000196560063, -8.71661799e-5,
     -3.8271808e-5},
    {-0.111218236, -0.169885616, -0.0428879923, 0.0329369364, 0.0498481569, 0.0414103841, 0.0278770953, 0.0167482412,
     0.00935382111, 0.0049621658, 0.00253303693, 0.00125479413, 0.000606745989, 0.000287599252, 0.000134058699,
     6.16016458e-5},
    {-0.087142467, 0.0354121244, 0.0646179796, 0.0284859102, -0.000264694105, -0.0116991196, -0.012696079,
     -0.00983452838, -0.00651884546, -0.00393365617, -0.00222614276, -0.00120175304, -0.000625536618, -0.000316256872,
     -0.000156115164, -7.55358911e-5},
    {0.0352637581, 0.0365672878, -0.0117058763, -0.0218243999, -0.0130497465, -0.00364127355, 0.001458593, 0.0030500073,
     0.00287803271, 0.00214053824, 0.00140378695, 0.000849050133, 0.000484788725, 0.000264991706, 0.000139945084,
     7.18640288e-5},
};
static const double erfc_centres[] = {0.212695271, 0.665629685, 1.07793438, 1.3915211,  1.65612662, 1.88960552,
                                      2.10097051,  2.29555464,  2.47683096, 2.64721489, 2.80846643, 2.96191645,
                                      3.10860085,  3.24934363,  3.38481426, 3.51556492};

#define ERFC_NEAR 3.579 /* up to there */

typedef struct Place {
    LLVMValueRef cell, from; /* in the low four bits; distance from the cell's centre */
} Place;

/* table[cell] */
static LLVMValueRef look_up(const VMath *m, const double *table, LLVMValueRef cell) {
    LLVMValueRef values[CELLS];
    for (int i = 0; i < CELLS; i++) values[i] = LLVMConstReal(irb_elem_type(m->type), table[i]);
    LLVMValueRef args[] = {LLVMConstVector(values, CELLS), cell};
    return irb_intrinsic(m->b, "llvm.x86.avx512.permvar.sf.512", NULL, args, 2);
}

/* sum of c[k][cell] from^k */
static LLVMValueRef at_place(const VMath *m, const Place *place, const double (*c)[CELLS], int n) {
    LLVMValueRef sum = look_up(m, c[n - 1], place->cell);
    for (int k = n - 2; k >= 0; k--) sum = vm_fma(m, sum, place->from, look_up(m, c[k], place->cell));
    return sum;
}

/* The cell of u = a + above whose centre has all bits of u, rounded by adding `half`, but the last `shift`. */
static Place place_of(const VMath *m, LLVMValueRef a, double above, int shift, uint64_t half) {
    LLVMValueRef bits   = vm_to_bits(m, vm_add(m, a, vm_real(m, above)));
    LLVMValueRef near   = half ? LLVMBuildAdd(m->b, bits, irb_int(m->bits, half), "") : bits;
    LLVMValueRef keep   = irb_int(m->bits, 0xffffffffu << shift);
    LLVMValueRef centre = vm_sub(m, vm_from_bits(m, LLVMBuildAnd(m->b, near, keep, "")), vm_real(m, above));
    LLVMValueRef cell   = LLVMBuildLShr(m->b, near, irb_int(m->bits, (uint64_t)shift), "");
    return (Place){cell, vm_sub(m, a, centre)}; /* exactly, while u has lost bits of a */
}

/* |x| cut where the result is 1 in f32. */
LLVMValueRef vm_tanh_by_cells(const VMath *m, LLVMValueRef x) {
    LLVMValueRef a     = vm_at_most(m, vm_abs(m, x), 9.25);
    Place        place = place_of(m, a, 1, 21, UINT64_C(1) << 20);
    return vm_copysign(m, at_place(m, &place, tanh_cells, 7), x);
}

LLVMValueRef vm_erf_by_cells(const VMath *m, LLVMValueRef x) {
    LLVMValueRef a     = vm_at_most(m, vm_abs(m, x), 0x1.fffff8p1); /* below 4 even where u is rounded */
    Place        place = place_of(m, a, 4, 19, 0);
    LLVMValueRef slope = at_place(m, &place, erf_cells + 1, 6), start = look_up(m, erf_cells[0], place.cell);
    start = vm_select(m, vm_cmp(m, LLVMRealOLT, a, 0.25), a, start);
    return vm_copysign(m, vm_fma(m, slope, place.from, start), x);
}

/* ---- erfc: lanes beyond the cells are rare, and computed once more ---- */

/* near where |x| <= ERFC_NEAR, else erfc(x). */
static LLVMValueRef call_far(const VMath *m, LLVMValueRef x, LLVMValueRef near) {
    LLVMModuleRef module   = irb_module(m->b);
    LLVMTypeRef   params[] = {m->type, m->type}, type = LLVMFunctionType(m->type, params, 2, false);
    const char   *name     = "nnc.erfc_far.v16f32";
    LLVMValueRef  function = LLVMGetNamedFunction(module, name), args[] = {x, near};
    if (!function) {
        function           = irb_internal_function(module, name, type);
        LLVMBuilderRef own = LLVMCreateBuilderInContext(irb_context(m->b));
        LLVMPositionBuilderAtEnd(own, LLVMAppendBasicBlockInContext(irb_context(m->b), function, "entry"));
        VMath        inner = vm_new(own, m->target, m->type);
        LLVMValueRef at = LLVMGetParam(function, 0), a = vm_abs(&inner, at);
        LLVMValueRef inside = vm_cmp(&inner, LLVMRealOLE, a, ERFC_NEAR);
        LLVMBuildRet(own, vm_select(&inner, inside, LLVMGetParam(function, 1), vm_erfc_anywhere(&inner, at)));
        LLVMDisposeBuilder(own);
    }
    return LLVMBuildCall2(m->b, type, function, args, 2, "");
}

static LLVMValueRef some_lane(const VMath *m, LLVMValueRef condition) {
    LLVMTypeRef bits = LLVMIntTypeInContext(irb_context(m->b), CELLS);
    return LLVMBuildICmp(m->b, LLVMIntNE, LLVMBuildBitCast(m->b, condition, bits, ""), LLVMConstNull(bits), "");
}

LLVMValueRef vm_erfc_by_cells(const VMath *m, LLVMValueRef x) {
    LLVMBuilderRef    b      = m->b;
    LLVMValueRef      a      = vm_abs(m, x);
    LLVMValueRef      number = vm_to_bits(m, vm_fma(m, a, vm_add(m, a, vm_real(m, 0.75)), vm_real(m, 0x1p23)));
    Place             place  = {number, vm_sub(m, a, look_up(m, erfc_centres, number))};
    LLVMValueRef      y      = at_place(m, &place, erfc_cells, 7);
    LLVMValueRef      near   = vm_select(m, vm_cmp(m, LLVMRealOLT, x, 0), vm_sub(m, vm_real(m, 2), y), y);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    Branch            branch = branch_begin(b, some_lane(m, vm_cmp(m, LLVMRealOGT, a, ERFC_NEAR)));
    branch_unlikely(before);
    LLVMValueRef      values[] = {near, call_far(m, x, near)};
    LLVMBasicBlockRef blocks[] = {before, LLVMGetInsertBlock(b)};
    branch_else(&branch, b);
    blocks[0] = LLVMGetInsertBlock(b);
    branch_end(&branch, b);
    LLVMValueRef result = LLVMBuildPhi(b, m->type, "");
    LLVMAddIncoming(result, values, blocks, 2);
    return result;
}
