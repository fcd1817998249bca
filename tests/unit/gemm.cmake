# Targets, vector math and the contraction template: the parts of codegen/ that need nothing but base/.
file(GLOB gemm_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/compiler/codegen/contract*.c ${PROJECT_SOURCE_DIR}/compiler/codegen/vmath*.c)
foreach(part blocking irb passes target)
  list(APPEND gemm_sources ${PROJECT_SOURCE_DIR}/compiler/codegen/${part}.c)
endforeach()
add_library(nnc_gemm OBJECT ${gemm_sources} jit.c contract_case.c)
target_include_directories(nnc_gemm PUBLIC ${PROJECT_SOURCE_DIR}/runtime ${PROJECT_SOURCE_DIR}/compiler ${PROJECT_SOURCE_DIR}/tests ${LLVM_INCLUDE_DIR})
target_compile_options(nnc_gemm PRIVATE -Wno-pedantic)
foreach(area contract vmath target)
  nnc_unit(${area} test_${area}.c base gemm)
  target_compile_options(test_${area} PRIVATE -Wno-pedantic)
  target_link_libraries(test_${area} PRIVATE ${LLVM_LIBRARY})
endforeach()

# Not a test: `bench_gemm` prints shares of the peak.
add_executable(bench_gemm ${PROJECT_SOURCE_DIR}/tests/bench/gemm.c ${PROJECT_SOURCE_DIR}/tests/bench/peak.c $<TARGET_OBJECTS:nnc_base> $<TARGET_OBJECTS:nnc_gemm>)
target_include_directories(bench_gemm PRIVATE ${PROJECT_SOURCE_DIR}/runtime ${PROJECT_SOURCE_DIR}/compiler ${PROJECT_SOURCE_DIR}/tests ${LLVM_INCLUDE_DIR})
target_compile_options(bench_gemm PRIVATE -Wno-pedantic)
target_link_libraries(bench_gemm PRIVATE ${LLVM_LIBRARY} m)
