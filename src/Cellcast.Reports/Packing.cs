using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>Arrays in the report's data: base64 of a zlib stream of little-endian numbers.</summary>
internal static class Packing
{
    internal static void Write(Utf8JsonWriter writer, string type, int count, ReadOnlySpan<byte> bytes, double? max = null)
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("reports are written on little-endian machines only");
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true)) zlib.Write(bytes);
        writer.WriteStartObject();
        writer.WriteString("t", type);
        writer.WriteNumber("n", count);
        if (max is { } m) writer.WriteNumber("max", m);
        writer.WriteBase64String("z", compressed.GetBuffer().AsSpan(0, (int)compressed.Length));
        writer.WriteEndObject();
    }
}

/// <summary>Arrays of numbers.</summary>
/// <typeparam name="T">Their type.</typeparam>
/// <param name="type">Its name in the report.</param>
internal sealed class PackedNumbers<T>(string type) : JsonConverter<T[]> where T : struct
{
    public override T[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, T[] value, JsonSerializerOptions options) => Packing.Write(writer, type, value.Length, MemoryMarshal.AsBytes<T>(value));
}

/// <summary>Numbers from 0 to their maximum in 255 steps.</summary>
internal sealed class PackedLevels : JsonConverter<float[]>
{
    public override float[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, float[] value, JsonSerializerOptions options)
    {
        float max = 0;
        foreach (float v in value)
            if (v > max) max = v;
        var levels = new byte[value.Length];
        // What is not zero stays visible.
        for (int i = 0; i < levels.Length; i++) levels[i] = value[i] > 0 ? (byte)Math.Clamp((int)MathF.Round(value[i] / max * 255), 1, 255) : (byte)0;
        Packing.Write(writer, "u8", levels.Length, levels, max);
    }
}

/// <summary>Long lists of names.</summary>
internal sealed class PackedTexts : JsonConverter<string[]>
{
    public override string[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, string[] value, JsonSerializerOptions options) =>
        Packing.Write(writer, "json", value.Length, JsonSerializer.SerializeToUtf8Bytes(value.Select(WellFormed.Text)));
}

/// <summary>Single numbers: what is not finite becomes null, which JSON has.</summary>
internal sealed class FiniteNumber : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }
}

/// <summary>Texts of any origin.</summary>
internal sealed class WellFormed : JsonConverter<string>
{
    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(Text(value));

    /// <summary>Halves of surrogate pairs, which no encoding has, become U+FFFD.</summary>
    internal static string Text(string value)
    {
        for (int i = 0; i < value.Length; i++)
        {
            if (!char.IsSurrogate(value[i])) continue;
            if (char.IsSurrogatePair(value, i)) i++;
            else return string.Concat(value.EnumerateRunes().Select(r => r.ToString()));
        }
        return value;
    }
}
