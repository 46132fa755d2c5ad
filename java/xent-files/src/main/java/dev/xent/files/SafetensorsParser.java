// SPDX-License-Identifier: Apache-2.0
package dev.xent.files;

import static dev.xent.files.SafetensorsHeader.damaged;
import static dev.xent.internal.text.Messages.message;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonParser.NumberType;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the JSON of a .safetensors header:
 *
 * <pre>
 * {"__metadata__": {"format": "pt"},
 *  "weight": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}
 * </pre>
 *
 * The parser reads token by token and does not recurse. It rejects and accepts the same headers as
 * the format's own library, except for three that readers may interpret differently and that it
 * rejects: a tensor or a metadata key that appears twice, of which the library uses one, a tensor
 * written as a list, and more than 64 axes. Other keys of a tensor are ignored.
 */
final class SafetensorsParser {
  private static final String METADATA = "__metadata__";
  private static final int MAX_RANK = 64;

  /**
   * The depth limit of the format's own library; only values of other keys can be nested that deep.
   */
  private static final int MAX_DEPTH = 127;

  private static final int MAX_DIGITS = 19;

  /** Names are not shared between files, so a name table would only add an attack surface. */
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(Safetensors.MAX_HEADER)
                  .maxNameLength(Safetensors.MAX_HEADER)
                  .maxStringLength(Safetensors.MAX_HEADER)
                  .build())
          .build();

  private final JsonParser json;
  private final Map<String, SafetensorsEntry> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  /** The numbers of a list that is being read. */
  private final long[] list = new long[MAX_RANK];

  private boolean metadataSeen;

  private SafetensorsParser(JsonParser json) {
    this.json = json;
  }

  static SafetensorsHeader parse(byte[] text) {
    InputStreamReader characters =
        new InputStreamReader(
            new ByteArrayInputStream(text),
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT));
    try (JsonParser json = JSON.createParser(characters)) {
      return new SafetensorsParser(json).header();
    } catch (CharacterCodingException e) {
      throw damaged("it is not UTF-8");
    } catch (JsonEOFException e) {
      throw damaged("its JSON ends too early");
    } catch (StreamConstraintsException e) {
      throw damaged("its JSON is nested deeper than %d levels", MAX_DEPTH);
    } catch (JacksonException e) {
      throw damaged("its JSON is wrong at character %d", e.getLocation().getCharOffset());
    } catch (IOException e) {
      throw new AssertionError("there is nothing to read but memory", e);
    }
  }

  private SafetensorsHeader header() throws IOException {
    require(JsonToken.START_OBJECT, "the header");
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String name = name();
      if (name.equals(METADATA)) {
        metadata();
      } else if (tensors.putIfAbsent(name, tensor(name)) != null) {
        throw damaged("the tensor '%s' appears twice", name);
      }
    }
    if (json.nextToken() != null) {
      throw damaged("text after the closing brace");
    }
    return new SafetensorsHeader(tensors, metadata);
  }

  private void metadata() throws IOException {
    if (metadataSeen) {
      throw damaged("the key '%s' appears twice", METADATA);
    }
    metadataSeen = true;
    if (json.nextToken() == JsonToken.VALUE_NULL) {
      return;
    }
    requireCurrent(JsonToken.START_OBJECT, METADATA);
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = name();
      require(JsonToken.VALUE_STRING, "'%s' of __metadata__", key);
      String value = whole(json.getText(), "the value '%s'");
      if (metadata.putIfAbsent(key, value) != null) {
        throw damaged("the key '%s' of %s appears twice", key, METADATA);
      }
    }
  }

  private SafetensorsEntry tensor(String name) throws IOException {
    SafetensorsType type = null;
    long[] shape = null;
    long[] offsets = null;
    require(JsonToken.START_OBJECT, "tensor '%s'", name);
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = name();
      switch (key) {
        case "dtype" -> type = once(name, key, type, type(name));
        case "shape" -> shape = once(name, key, shape, numbers(name, key));
        case "data_offsets" -> offsets = once(name, key, offsets, numbers(name, key));
        default -> {
          json.nextToken();
          json.skipChildren();
        }
      }
    }
    type = required(name, "dtype", type);
    shape = required(name, "shape", shape);
    offsets = required(name, "data_offsets", offsets);
    if (offsets.length != 2) {
      throw damaged("data_offsets of tensor '%s' are not two numbers", name);
    }
    return new SafetensorsEntry(type, shape, offsets[0], offsets[1]);
  }

  private SafetensorsType type(String name) throws IOException {
    require(JsonToken.VALUE_STRING, "dtype of tensor '%s'", name);
    SafetensorsType type = SafetensorsType.named(json.getText());
    if (type == null) {
      throw new FileException(
          message(
              "has tensor '%s' of dtype '%s', which is not known here; save it as F32, F64, F16, BF16 or integers",
              Shown.word(name), Shown.word(json.getText())));
    }
    return type;
  }

  private long[] numbers(String name, String key) throws IOException {
    int count = 0;
    require(JsonToken.START_ARRAY, "%s of tensor '%s'", key, name);
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (count == MAX_RANK) {
        throw damaged("%s of tensor '%s' are more than %d", key, name, MAX_RANK);
      }
      list[count++] = number(name, key);
    }
    return Arrays.copyOf(list, count);
  }

  /** A whole number of at least 0; other JSON spellings of a number are rejected. */
  private long number(String name, String key) throws IOException {
    String text = json.currentToken() == JsonToken.VALUE_NUMBER_INT ? json.getText() : "-";
    if (text.startsWith("-")) {
      throw damaged("%s of tensor '%s' must be whole numbers of at least 0", key, name);
    }
    if (text.length() > MAX_DIGITS || json.getNumberType() == NumberType.BIG_INTEGER) {
      throw damaged("%s of tensor '%s' has a number that is too large: %s", key, name, text);
    }
    return json.getLongValue();
  }

  /** The name of a field. */
  private String name() throws IOException {
    return whole(json.currentName(), "the name '%s'");
  }

  /** Rejects strings with an unpaired surrogate, which UTF-8 cannot encode. */
  private static String whole(String text, String what) {
    if (text.codePoints().anyMatch(SafetensorsParser::isHalf)) {
      throw damaged(what + " has half a character", text);
    }
    return text;
  }

  private static boolean isHalf(int character) {
    return character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE;
  }

  /**
   * Requires the next token to be {@code wanted}.
   *
   * @param what the token as a message names it, with a placeholder for each of {@code names}
   */
  private void require(JsonToken wanted, String what, String... names) throws IOException {
    json.nextToken();
    requireCurrent(wanted, what, names);
  }

  private void requireCurrent(JsonToken wanted, String what, String... names) {
    if (json.currentToken() != wanted) {
      String needed =
          switch (wanted) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "a list";
            default -> "a text";
          };
      throw damaged(what + " is not " + needed, (Object[]) names);
    }
  }

  private static <T> T once(String name, String key, @Nullable T before, T value) {
    if (before != null) {
      throw damaged("the key '%s' of tensor '%s' appears twice", key, name);
    }
    return value;
  }

  private static <T> T required(String name, String key, @Nullable T value) {
    if (value == null) {
      throw damaged("tensor '%s' has no %s", name, key);
    }
    return value;
  }
}
