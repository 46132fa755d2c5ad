/* SPDX-License-Identifier: Apache-2.0 */
/* An agent of the JVM that counts the Java arrays that native methods pin, for java/tests/jdk/Pins.java. */
#include <jvmti.h>
#include <stdatomic.h>

static jniNativeInterface *functions;
static atomic_long pins;

static void *JNICALL count_and_pin(JNIEnv *env, jarray array, jboolean *is_copy) {
  pins++;
  return functions->GetPrimitiveArrayCritical(env, array, is_copy);
}

static void JNICALL replace_function(jvmtiEnv *jvmti, JNIEnv *env, jthread thread) {
  (void)env, (void)thread;
  jniNativeInterface *counting;
  if ((*jvmti)->GetJNIFunctionTable(jvmti, &functions) || (*jvmti)->GetJNIFunctionTable(jvmti, &counting)) return;
  counting->GetPrimitiveArrayCritical = count_and_pin;
  (*jvmti)->SetJNIFunctionTable(jvmti, counting);
}

/* How many arrays were pinned so far; -1 if they are not counted. */
JNIEXPORT jlong JNICALL Java_Pins_pins(JNIEnv *env, jclass class) {
  (void)env, (void)class;
  return functions ? (jlong)pins : -1;
}

JNIEXPORT jint JNICALL Agent_OnLoad(JavaVM *vm, char *options, void *reserved) {
  (void)options, (void)reserved;
  jvmtiEnv *jvmti;
  if ((*vm)->GetEnv(vm, (void **)&jvmti, JVMTI_VERSION_1_2)) return JNI_ERR;
  const jvmtiEventCallbacks callbacks = {.VMInit = replace_function};
  return (*jvmti)->SetEventCallbacks(jvmti, &callbacks, sizeof callbacks) ||
                 (*jvmti)->SetEventNotificationMode(jvmti, JVMTI_ENABLE, JVMTI_EVENT_VM_INIT, NULL)
             ? JNI_ERR
             : JNI_OK;
}
