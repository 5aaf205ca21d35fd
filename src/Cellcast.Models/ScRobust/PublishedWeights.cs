using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Encoders in the dress of the published implementation: a state dict (PyTorch or safetensors) beside a vocabulary table with the columns ID and SYMBOL.
/// Nothing in a PyTorch file is executed. The number of layers and all sizes follow from the tensors, except the number of attention heads, which leaves no trace in them.</summary>
public static class PublishedWeights
{
    private const string Table = "embedding.embedding.weight", Blocks = "transformer_blocks.";

    /// <summary>Reads an encoder. It pads as the published code does and has no figures of its training cells.</summary>
    /// <param name="weights">State dict of the encoder, or of a model that contains it.</param>
    /// <param name="vocabulary">Table with the columns ID (0, 1, …; 0 to 4 special) and SYMBOL.</param>
    /// <param name="heads">Attention heads.</param>
    /// <param name="progress">Is told what was found and what was left out.</param>
    /// <exception cref="InputException">A file cannot be read, holds no such encoder, or the two do not belong together.</exception>
    public static ScRobustModel Read(string weights, string vocabulary, int heads, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        GeneVocabulary genes = ReadVocabulary(vocabulary);
        SortedDictionary<string, Tensor> state = ReadState(weights);
        string prefix = Prefix(weights, state.Keys);
        Tensor table = state[prefix + Table];
        if (table.Shape.Length != 2) throw new InputException($"'{weights}': '{prefix + Table}' has shape {table.ShapeText}; an embedding has a row per gene.");
        if (table.Shape[0] != genes.Count)
            throw new InputException($"'{weights}' has {table.Shape[0]} token ids and '{vocabulary}' {genes.Count}: give the vocabulary that these weights were trained with.");
        var size = new EncoderSize { Vocabulary = table.Shape[0], Hidden = table.Shape[1], Heads = heads, Layers = CountLayers(weights, prefix, state.Keys) };
        if (size.Hidden < 2 || size.Hidden % heads != 0)
            throw new InputException($"'{weights}' has vectors of {size.Hidden} columns, which {heads} attention heads do not divide; give the --heads that the model was trained with.");

        var encoder = new CellEncoder(size, RandomKey.From(0, "overwritten"));
        var own = state.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(t => t.Key[prefix.Length..], t => t.Value, StringComparer.Ordinal);
        var known = encoder.Parameters.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        if (own.Keys.FirstOrDefault(n => IsEncoderPart(n) && !known.Contains(n)) is { } foreign)
            throw new InputException($"'{weights}' has a tensor '{prefix + foreign}', which scRobust's encoder does not have: this is another architecture.");
        foreach (string name in known)
            if (own.TryGetValue(name, out Tensor? t) && !AllFinite(t.Span)) throw new InputException($"'{weights}': '{prefix + name}' holds numbers that are not finite.");
        try { encoder.ImportState(own); }
        catch (InvalidDataException e) { throw new InputException($"'{weights}': {e.Message}: this is no scRobust encoder of {size.Layers} layers and {size.Hidden} columns.", e); }

        int others = state.Count - known.Count;
        progress.Message($"{weights}: encoder with {size.Layers} {(size.Layers == 1 ? "layer" : "layers")}, {size.Hidden} columns, {genes.Genes.Count:N0} genes; {heads} heads (not recorded in the file)"
            + (others > 0 ? $"; {others} tensors of other parts (heads) are left out." : "."));
        return new ScRobustModel(encoder, genes, new CellPreprocessing(), Padding.Published, null);
    }

    /// <summary>Writes an encoder's state dict as safetensors under the published names, with sizes and preprocessing as metadata.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="path">The file.</param>
    public static void WriteWeights(ScRobustModel model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        EncoderSize size = model.Encoder.Size;
        SafetensorsWriter writer = new SafetensorsWriter().AddAll(model.Encoder.ExportState());
        foreach (var (key, value) in new[] { ("heads", size.Heads), ("layers", size.Layers), ("hidden", size.Hidden), ("vocabulary", size.Vocabulary) })
            writer.AddMetadata(key, CsvFile.Text((double)value)!);
        writer.AddMetadata("format", "pt").AddMetadata("padding", model.Padding == Padding.Published ? "published" : "masked");
        writer.AddMetadata("total", CsvFile.Text(model.Preprocessing.Total)!).AddMetadata("upper_case", model.Preprocessing.UpperCase ? "true" : "false");
        AtomicFile.Write(path, writer.Write);
    }

    /// <summary>Writes a vocabulary as the published table: ID, SYMBOL, special tokens first.</summary>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="path">The file.</param>
    public static void WriteVocabulary(GeneVocabulary vocabulary, string path)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        new CsvFile().Add("ID", Enumerable.Range(0, vocabulary.Count).ToArray()).Add("SYMBOL", [.. (string[])["PAD", "SEP", "UNK", "CLS", "MASK"], .. vocabulary.Genes]).Write(path);
    }

    private static GeneVocabulary ReadVocabulary(string path)
    {
        TextTable table = TextTable.Read(path);
        string[] ids = table.Require("ID"), symbols = table.Require("SYMBOL");
        var names = new string?[ids.Length];
        for (int r = 0; r < ids.Length; r++)
        {
            if (!int.TryParse(ids[r], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int id) || id >= names.Length)
                throw new InputException($"'{path}', row {r + 1}: the ID '{ids[r]}' is not a whole number below {names.Length}; the IDs of {names.Length} rows are 0 to {names.Length - 1}.");
            if (names[id] is not null) throw new InputException($"'{path}', row {r + 1}: the ID {id} is there twice; every ID belongs to one gene.");
            if (symbols[r].Length == 0) throw new InputException($"'{path}', row {r + 1}: the SYMBOL is empty; name the gene of ID {id}.");
            names[id] = symbols[r];
        }
        if (names.Length <= GeneVocabulary.FirstGene) throw new InputException($"'{path}' has {names.Length} rows: five special tokens and at least one gene are needed.");
        // The published table spells UNK in a way of its own.
        foreach (var (id, start) in new[] { (GeneVocabulary.Pad, "PAD"), (GeneVocabulary.CellToken, "SEP"), (GeneVocabulary.Unknown, "UNK"), (GeneVocabulary.Cls, "CLS"), (GeneVocabulary.Mask, "MASK") })
            if (!names[id]!.Trim('[', ']', '<', '>').StartsWith(start, StringComparison.OrdinalIgnoreCase))
                throw new InputException($"'{path}': ID {id} is '{names[id]}' and not the special token {start}; the IDs 0 to 4 are PAD, SEP, UNK, CLS, MASK, then come genes.");
        try { return new GeneVocabulary([.. names.Skip(GeneVocabulary.FirstGene).Select(n => n!)]); }
        catch (ArgumentException e) when (e is not ArgumentNullException)
        {
            string twice = names.Skip(GeneVocabulary.FirstGene).GroupBy(n => n, StringComparer.Ordinal).First(g => g.Count() > 1).Key!;
            throw new InputException($"'{path}': the gene '{twice}' is in the vocabulary twice; every gene has one ID.", e);
        }
    }

    private static SortedDictionary<string, Tensor> ReadState(string path)
    {
        if (!File.Exists(path)) throw new InputException($"'{path}' does not exist; name a file of weights.");
        try
        {
            if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                return file.ReadAll();
            }
            using PyTorchCheckpoint checkpoint = PyTorchCheckpoint.Open(path);
            return checkpoint.ReadAll();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new InputException($"{e.Message.TrimEnd('.')}.", e);
        }
    }

    private static string Prefix(string path, IEnumerable<string> names)
    {
        string[] prefixes = [.. names.Where(n => n == Table || n.EndsWith("." + Table, StringComparison.Ordinal)).Select(n => n[..^Table.Length])];
        return prefixes.Length switch
        {
            1 => prefixes[0],
            0 => throw new InputException($"'{path}' holds no tensor '{Table}': these are not the weights of an scRobust encoder."),
            _ => throw new InputException($"'{path}' holds several encoders ({string.Join(", ", prefixes.Select(p => $"'{p}'"))}): save the state dict of one."),
        };
    }

    private static int CountLayers(string path, string prefix, IEnumerable<string> names)
    {
        var layers = new SortedSet<int>();
        foreach (string name in names)
        {
            if (!name.StartsWith(prefix + Blocks, StringComparison.Ordinal)) continue;
            string number = name[(prefix + Blocks).Length..].Split('.')[0];
            if (!int.TryParse(number, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int layer))
                throw new InputException($"'{path}': the tensor '{name}' belongs to no layer.");
            layers.Add(layer);
        }
        if (layers.Count == 0) throw new InputException($"'{path}' holds an embedding but no layer ('{prefix + Blocks}0…').");
        if (layers.Max != layers.Count - 1) throw new InputException($"'{path}' holds layer {layers.Max} but not all layers before it: the weights are incomplete.");
        return layers.Count;
    }

    private static bool IsEncoderPart(string name) => name.StartsWith("embedding.", StringComparison.Ordinal) || name.StartsWith(Blocks, StringComparison.Ordinal);

    private static bool AllFinite(ReadOnlySpan<float> values)
    {
        foreach (float v in values)
            if (!float.IsFinite(v)) return false;
        return true;
    }
}
