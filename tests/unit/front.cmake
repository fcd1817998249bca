nnc_unit(diag test_diag.c base)
target_link_libraries(test_diag PRIVATE ${CJSON_LIBRARY})
target_include_directories(test_diag PRIVATE ${CJSON_INCLUDE})
