using System.Text.Json;
using System.Text.Json.Serialization;
using Cellcast.AnnData;
using Cellcast.Tensors;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>An encoder on disk: <c>encoder.safetensors</c> (the published state dict's names) and <c>encoder.json</c> (sizes, genes in the order of their ids, preprocessing,
/// figures of the training cells). Schema 2 differs from 1 only in that the weights hold a linear map of the vectors (<see cref="MapName"/>), schema 3 from 2 in that they hold its centre and bound too; encoders
/// are written with the lowest schema that says all of them.</summary>
internal static class ScRobustFiles
{
    internal const string Description = "encoder.json", Weights = "encoder.safetensors";
    private const int SchemaVersion = 3, SchemaOfLinearMap = 2, SchemaWithoutMap = 1;
    // Named after the first kind of map, which whitened; encoders that hold one give the vectors that they gave.
    private const string MapName = "whitening.weight", CentreName = "map.centre", BoundName = "map.bound";
    private const string Kind = "scrobust encoder";

    internal static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    internal static void Save(ScRobustModel model, string folder)
    {
        EncoderSize size = model.Encoder.Size;
        var content = new Content(Kind, model.VectorMap switch { null => SchemaWithoutMap, { Centre.IsEmpty: true } => SchemaOfLinearMap, _ => SchemaVersion }, new Sizes(size.Vocabulary, size.Hidden, size.Heads, size.Layers, size.HalfValue), model.Preprocessing, model.Padding, model.Vocabulary.Genes, model.Statistics);
        AtomicFile.WriteText(Path.Combine(folder, Description), JsonSerializer.Serialize(content, Json) + "\n");
        AtomicFile.Write(Path.Combine(folder, Weights), WeightsOf(model).Write);
    }

    /// <summary>The encoder's weights and, where it has one, the map of its vectors.</summary>
    internal static SafetensorsWriter WeightsOf(ScRobustModel model)
    {
        SafetensorsWriter weights = new SafetensorsWriter().AddAll(model.Encoder.ExportState());
        if (model.VectorMap is not { } map) return weights;
        weights.Add(MapName, Tensor.From(map.Weights, map.Columns, map.Columns));
        return map.Centre.IsEmpty ? weights : weights.Add(CentreName, Tensor.From(map.Centre, 1, map.Columns)).Add(BoundName, Tensor.From([map.Bound], 1, 1));
    }

    internal static ScRobustModel Load(string folder)
    {
        string description = Path.Combine(folder, Description);
        if (!File.Exists(description))
            throw new InputException($"'{folder}' holds no encoder ({Description} is missing); name a folder that 'cellcast scrobust pretrain' wrote.");
        try
        {
            Content c = JsonSerializer.Deserialize<Content>(File.ReadAllText(description), Json) ?? throw new JsonException("the file is empty");
            if (c.Model != Kind) throw new InputException($"'{description}' describes '{c.Model}', not a {Kind}.");
            if (c.SchemaVersion > SchemaVersion) throw new InputException($"'{description}' was written by a newer version of cellcast (schema {c.SchemaVersion}); update cellcast.");
            if (c.Genes is null || c.Size is null || c.Preprocessing is null) throw new JsonException("genes, size or preprocessing are missing");
            var vocabulary = new GeneVocabulary(c.Genes);
            if (vocabulary.Count != c.Size.Vocabulary) throw new InvalidDataException($"{c.Genes.Count} genes are named for {c.Size.Vocabulary} token ids");
            var encoder = new CellEncoder(new EncoderSize { Vocabulary = c.Size.Vocabulary, Hidden = c.Size.Hidden, Heads = c.Size.Heads, Layers = c.Size.Layers, HalfValue = c.Size.HalfValue }, RandomKey.From(0, "overwritten"));
            VectorMap? map;
            using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, Weights)))
            {
                var weights = file.ReadAll();
                encoder.ImportState(weights);
                map = c.SchemaVersion == SchemaWithoutMap ? null
                    : c.SchemaVersion == SchemaOfLinearMap ? new VectorMap(Stored(weights, MapName, c.Size.Hidden * c.Size.Hidden), c.Size.Hidden)
                    : new VectorMap(Stored(weights, MapName, c.Size.Hidden * c.Size.Hidden), Stored(weights, CentreName, c.Size.Hidden), Stored(weights, BoundName, 1)[0]);
            }
            return new ScRobustModel(encoder, vocabulary, c.Preprocessing, c.Padding, c.Statistics, map);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or ArgumentException or FileNotFoundException or EndOfStreamException)
        {
            throw new InputException($"'{folder}': the encoder cannot be read ({e.Message.TrimEnd('.')}); pretrain it again.", e);
        }
    }

    private static float[] Stored(SortedDictionary<string, Tensor> weights, string name, int count)
    {
        if (!weights.TryGetValue(name, out Tensor? stored)) throw new InvalidDataException($"the weights lack '{name}'");
        return stored.Length == count ? stored.ToArray() : throw new InvalidDataException($"'{name}' has {stored.Length} numbers instead of {count}");
    }

    private sealed record Sizes(int Vocabulary, int Hidden, int Heads, int Layers, double HalfValue = 0);

    private sealed record Content(string Model, int SchemaVersion, Sizes Size, CellPreprocessing Preprocessing, Padding Padding, IReadOnlyList<string> Genes, GeneStatistics? Statistics);
}
