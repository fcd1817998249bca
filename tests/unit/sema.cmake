# The front end with the elaborator, as a tool that the golden tests of tests/sema run.
set(sema_tool_objects)
foreach(folder base ast sema ir ops grammar embedded)
  list(APPEND sema_tool_objects $<TARGET_OBJECTS:nnc_${folder}>)
endforeach()
add_executable(sema_tool ${PROJECT_SOURCE_DIR}/tests/sema/sema_tool.c ${sema_tool_objects})
target_include_directories(sema_tool PRIVATE ${PROJECT_SOURCE_DIR}/compiler)
target_link_libraries(sema_tool PRIVATE m)
