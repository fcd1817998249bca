/* tanh, erf, erfc and log in f32 where vectors hold 16 of them: the argument's range is cut into 16 cells with a polynomial each, whose coefficients
 * one instruction (vpermps) looks up for all lanes. No exponential and no division, but for the far tail of erfc. The errors are
 * those stated in vmath_trig.c and vmath_exp.c, whose formulas serve all other vectors. */
#include "codegen/vmath_internal.h"

enum { CELLS = 16 };

bool vm_has_cells(const VMath *m) {
    return !m->is_double && m->target->vector_bytes == 64 && irb_lanes(m->type) == CELLS;
}

/* By degree, then by cell: fits at Chebyshev's points, as polynomials of the distance from the cell's centre. */

/* tanh(a), cells by u = a + 5/8: four to each octave, in the order of u's low exponent bits, from u = 5/8 at 9 on. Relative errors below
 * 5e-8. */
static const double tanh_cells[][CELLS] = {
    {0.925346257, 0.971872742, 0.989559744, 0.996146528, 0.999138849, 0.999883412, 0.999984221, 0.999997864,
     0.999999893, 0.0, 0.1853332, 0.302709729, 0.462117151, 0.635148952, 0.761594158, 0.848283642},
    {0.143734341, 0.0554633633, 0.0207715047, 0.00769209, 0.00172149708, 0.000233152936, 3.1557001e-5, 4.27083395e-6,
     2.12723091e-7, 0.999999999, 0.965651605, 0.90836682, 0.786447736, 0.596585811, 0.419974342, 0.280414866},
    {-0.133013234, -0.0539021387, -0.0205532452, -0.00766178269, -0.00171732377, -0.000232751939, -3.15057351e-5,
     -4.26395089e-6, -2.06739233e-7, 3.93439172e-7, -0.178966792, -0.274970852, -0.363424096, -0.378920682,
     -0.319852582, -0.237873427},
    {0.075169745, 0.0339000932, 0.0134159912, 0.00506872735, 0.00114395516, 0.000155274588, 2.10225136e-5, 2.8452414e-6,
     1.40108501e-7, -0.33335746, -0.288715031, -0.219552399, -0.0942054343, 0.0418062792, 0.103604102, 0.108311384},
    {-0.0248275437, -0.0150296109, -0.00648430942, -0.00252358002, -0.000598819909, -8.16033104e-5, -1.10541256e-5,
     -1.49620228e-6, -8.62446537e-8, 0.000488116558, 0.112815658, 0.157693192, 0.163498152, 0.0997241943, 0.0281527886,
     -0.0122320908},
    {0.00120146009, 0.0044598635, 0.00235657513, 0.000973896604, 0.000234429287, 3.21515884e-5, 4.35905889e-6,
     5.90077672e-7, 3.26636396e-8, 0.129942792, 0.0965507141, 0.0455061108, -0.0265575606, -0.063529739, -0.0462489647,
     -0.0193030095},
};
static const double tanh_centres[] = {1.625, 2.125, 2.625,  3.125,  3.875, 4.875, 5.875, 6.875,
                                      8.375, 0.0,   0.1875, 0.3125, 0.5,   0.75,  1.0,   1.25};

/* erf(a), and in the first cell erf(a) - a, in cells about multiples of 1/4: relative errors of erf below 4e-8. The last one is moved by 2e-8, so
 * that it ends in 1. */
static const double erf_cells[][CELLS] = {
    {0.0, 0.276326385, 0.520499872, 0.71115563, 0.842700793, 0.922900131, 0.966105149, 0.986671672, 0.995322265,
     0.998537283, 0.999593048, 0.999899378, 0.999977909, 0.999995697, 0.999999257, 0.999999906},
    {0.128379167, 1.06001413, 0.87878258, 0.642931071, 0.415107499, 0.236521123, 0.118930289, 0.0527749952, 0.020666985,
     0.00714231894, 0.00217828429, 0.000586277324, 0.000139253099, 2.91890457e-5, 5.39943376e-6, 8.81434149e-7},
    {1.9726127e-7, -0.264997996, -0.439384448, -0.482194619, -0.415108116, -0.295654311, -0.178398081, -0.092357476,
     -0.0413340387, -0.016069822, -0.00544532707, -0.00161203456, -0.000417657384, -9.48278892e-5, -1.88872107e-5,
     -3.30268938e-6},
    {-0.376138482, -0.309168576, -0.146464499, 0.0267862751, 0.13836709, 0.167535294, 0.13875265, 0.090158114,
     0.04822343, 0.0217246469, 0.00835001584, 0.00276030021, 0.000789046948, 0.000195786287, 4.22874707e-5,
     7.96736201e-6},
    {0.000244532186, 0.126034858, 0.181910979, 0.150058094, 0.0692907238, -0.00566249782, -0.0441468753, -0.0478918406,
     -0.0344335578, -0.0191510428, -0.00868785678, -0.00329699358, -0.00106175115, -0.00029277944, -6.95540863e-5,
     -1.42975461e-5},
    {0.111140987, 0.079675352, 0.00744898308, -0.0528122841, -0.0688301703, -0.047095693, -0.0149767487, 0.00648272783,
     0.0130098781, 0.0106418136, 0.00612995787, 0.00277092055, 0.00102570696, 0.000317792057, 8.34864938e-5,
     1.87549493e-5},
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

/* log(x) = (e + half) log 2 + start + log(1 + r), r = m part - 1, for x = m 2^e, 1 <= m < 2, in 16 cells of m; `half` is 1 in the upper ones. The
 * parts are those near which -log(part) - half log 2 is a multiple of 2^-16 to within 2e-10, so that with the first part of log 2, a multiple of
 * 2^-9, the sum is exact. Of log(1 + r) = r + r^2 P(r) P is fitted with an error of 6e-9 in log(1 + r) / r. */
static const double log_parts[]  = {1.0,
                                    0.917861640453,
                                    0.86289614439,
                                    0.824248611927,
                                    0.779430866241,
                                    0.741528451443,
                                    0.7108720541,
                                    0.679261386395,
                                    0.651029288769,
                                    0.628855764866,
                                    0.604986190796,
                                    0.581064283848,
                                    0.56096547842,
                                    0.540018796921,
                                    0.522207558155,
                                    0.5};
static const double log_starts[] = {0.0,
                                    0.0857086181641,
                                    0.1474609375,
                                    0.193283081055,
                                    0.24919128418,
                                    0.299041748047,
                                    0.341262817383,
                                    0.386749267578,
                                    -0.263946533203,
                                    -0.229293823242,
                                    -0.19059753418,
                                    -0.150253295898,
                                    -0.115051269531,
                                    -0.0769958496094,
                                    -0.04345703125,
                                    0.0};
static const double log_halves[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
static const double log_fit[]    = {-0.49999998, 0.3333417697, -0.250123157, 0.1902125681};

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

/* |x| cut where the result is 1 in f32. */
LLVMValueRef vm_tanh_by_cells(const VMath *m, LLVMValueRef x) {
    LLVMValueRef a     = vm_at_most(m, vm_abs(m, x), 9.25);
    LLVMValueRef bits  = vm_to_bits(m, vm_add(m, a, vm_real(m, 0.625)));
    LLVMValueRef cell  = LLVMBuildLShr(m->b, bits, irb_int(m->bits, 21), "");
    Place        place = {cell, vm_sub(m, a, look_up(m, tanh_centres, cell))};
    return vm_copysign(m, at_place(m, &place, tanh_cells, 6), x);
}

LLVMValueRef vm_erf_by_cells(const VMath *m, LLVMValueRef x) {
    LLVMValueRef a       = vm_at_most(m, vm_abs(m, x), 0x1.effffep1); /* the next one would be of cell 16 */
    LLVMValueRef magic   = vm_real(m, 0x1.8p21);                      /* rounds to a multiple of 1/4 */
    LLVMValueRef rounded = vm_add(m, a, magic), cell = vm_to_bits(m, rounded);
    Place        place = {cell, vm_sub(m, a, vm_sub(m, rounded, magic))};
    LLVMValueRef slope = at_place(m, &place, erf_cells + 1, 5), start = look_up(m, erf_cells[0], cell);
    start = vm_select(m, vm_cmp(m, LLVMRealOLT, a, 0.125), a, start);
    return vm_copysign(m, vm_fma(m, slope, place.from, start), x);
}

/* ---- log ---- */

/* m and e of x = m 2^e. */
static LLVMValueRef mantissa(const VMath *m, LLVMValueRef x) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(m->b)), i16 = LLVMInt16TypeInContext(irb_context(m->b));
    LLVMValueRef args[] = {x, LLVMConstInt(i32, 0, false), x, LLVMConstAllOnes(i16), LLVMConstInt(i32, 4, false)};
    return irb_intrinsic(m->b, "llvm.x86.avx512.mask.getmant.ps.512", NULL, args, 5);
}

static LLVMValueRef exponent(const VMath *m, LLVMValueRef x) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(m->b)), i16 = LLVMInt16TypeInContext(irb_context(m->b));
    LLVMValueRef args[] = {x, x, LLVMConstAllOnes(i16), LLVMConstInt(i32, 4, false)};
    return irb_intrinsic(m->b, "llvm.x86.avx512.mask.getexp.ps.512", NULL, args, 4);
}

/* log at the ends of its domain, by kinds of x: NaN itself, -inf for 0, NaN below it, inf for inf; y for other numbers. */
static LLVMValueRef log_ends(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(m->b)), i16 = LLVMInt16TypeInContext(irb_context(m->b));
    LLVMValueRef args[] = {y,
                           x,
                           irb_int(m->bits, 0x03530422),
                           LLVMConstInt(i32, 0, false),
                           LLVMConstAllOnes(i16),
                           LLVMConstInt(i32, 4, false)};
    return irb_intrinsic(m->b, "llvm.x86.avx512.mask.fixupimm.ps.512", NULL, args, 6);
}

LLVMValueRef vm_log_by_cells(const VMath *m, LLVMValueRef x) {
    LLVMValueRef cell = LLVMBuildLShr(m->b, vm_to_bits(m, x), irb_int(m->bits, 19), "");
    LLVMValueRef e    = vm_add(m, exponent(m, x), look_up(m, log_halves, cell));
    LLVMValueRef r    = vm_fma(m, mantissa(m, x), look_up(m, log_parts, cell), vm_real(m, -1));
    LLVMValueRef high = vm_fma(m, e, vm_real(m, 0.693359375), look_up(m, log_starts, cell));
    LLVMValueRef low  = vm_fma(m, e, vm_real(m, -2.12194440e-4), r);
    LLVMValueRef rest = vm_fma(m, vm_mul(m, r, r), vm_poly(m, r, log_fit, 4), low);
    return log_ends(m, x, vm_add(m, high, rest));
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
