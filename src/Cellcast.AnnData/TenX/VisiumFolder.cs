using System.Globalization;
using System.Text.Json;
using Cellcast.AnnData.Tables;

namespace Cellcast.AnnData.TenX;

/// <summary>Reads folders that Space Ranger writes: counts, positions of the spots, scale factors and images.</summary>
public static class VisiumFolder
{
    private static readonly string[] s_countFiles = ["filtered_feature_bc_matrix.h5", "raw_feature_bc_matrix.h5"];
    private static readonly string[] s_countFolders = ["filtered_feature_bc_matrix", "raw_feature_bc_matrix"];
    private static readonly string[] s_positionFiles = ["tissue_positions.csv", "tissue_positions_list.csv"];

    /// <summary>Whether a folder holds a <c>spatial</c> folder with positions.</summary>
    public static bool IsOne(string folder) => Directory.Exists(folder) && Positions(folder) is not null;

    /// <summary>
    /// Reads a folder as spots x genes. <c>obs</c> gets <c>in_tissue</c>, <c>array_row</c>, <c>array_col</c>; <c>obsm['spatial']</c> the position of each
    /// spot as x, y in pixels of the full image (the last and the fifth column of the positions file, as scanpy and squidpy have it); <c>uns['spatial']</c>
    /// per library the scale factors and, as uint8 height x width x channels, the images.
    /// </summary>
    /// <exception cref="InputException">A file is missing or damaged, or a spot has no position.</exception>
    public static AnnotatedData Read(string folder, TenXOptions? options = null)
    {
        options ??= new TenXOptions();
        var (counts, metadata) = ReadCounts(folder, options);
        var warnings = new List<string>(counts.Warnings);
        string positionPath = Positions(folder) ?? throw new InputException($"'{folder}': has no spatial/tissue_positions.csv or spatial/tissue_positions_list.csv.");
        var result = new AnnotatedData(counts.Obs, counts.Var, counts.X) { Source = folder, Warnings = warnings };
        AddPositions(result, positionPath);

        string spatial = Path.Combine(folder, "spatial");
        var entry = new ElementMap { { "images", Images(spatial, options.Images, warnings) }, { "scalefactors", ScaleFactors(spatial, warnings) } };
        entry.Add("metadata", metadata.Fields);
        string library = metadata.Library ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        result.Uns["spatial"] = new ElementMap { { library, entry } };
        return result;
    }

    private static (AnnotatedData Counts, TenXMetadata Metadata) ReadCounts(string folder, TenXOptions options)
    {
        string? file = s_countFiles.Select(f => Path.Combine(folder, f)).FirstOrDefault(File.Exists)
            ?? Directory.EnumerateFiles(folder, "*feature_bc_matrix.h5").Order(StringComparer.Ordinal).FirstOrDefault()
            ?? Directory.EnumerateFiles(folder, "*probe_bc_matrix.h5").Order(StringComparer.Ordinal).FirstOrDefault();
        if (file is not null) return (TenXH5.Read(file, options, out var metadata), metadata);
        string? mtx = s_countFolders.Select(f => Path.Combine(folder, f)).FirstOrDefault(MtxFolder.IsOne);
        if (mtx is null) throw new InputException($"'{folder}': has positions of spots but no counts (filtered_feature_bc_matrix.h5 or the folder of that name).");
        return (MtxFolder.Read(mtx, options), new TenXMetadata(null, []));
    }

    private static string? Positions(string folder) => s_positionFiles.Select(f => Path.Combine(folder, "spatial", f)).FirstOrDefault(File.Exists);

    private static void AddPositions(AnnotatedData data, string path)
    {
        var row = new Dictionary<string, string[]>(StringComparer.Ordinal);
        using (var reader = new DelimitedReader(path, ','))
        {
            while (reader.Read())
            {
                if (reader.Count < 6) throw new InputException($"'{path}': line {reader.Line} has {reader.Count} fields where 6 were expected.");
                string[] fields = reader.Texts();
                // Space Ranger 2 writes a header, 1 does not.
                if (row.Count == 0 && fields[0] == "barcode") continue;
                row[fields[0]] = fields;
            }
        }
        int n = data.ObservationCount;
        var (inTissue, arrayRow, arrayColumn, xy) = (new long[n], new long[n], new long[n], new double[2 * n]);
        for (int i = 0; i < n; i++)
        {
            string spot = data.Obs.Index[i];
            if (!row.TryGetValue(spot, out string[]? f)) throw new InputException($"'{path}': has no position for the spot '{spot}'; counts and positions do not belong together.");
            if (!long.TryParse(f[1], CultureInfo.InvariantCulture, out inTissue[i]) || !long.TryParse(f[2], CultureInfo.InvariantCulture, out arrayRow[i])
                || !long.TryParse(f[3], CultureInfo.InvariantCulture, out arrayColumn[i])
                || !double.TryParse(f[5], CultureInfo.InvariantCulture, out xy[2 * i]) || !double.TryParse(f[4], CultureInfo.InvariantCulture, out xy[2 * i + 1]))
                throw new InputException($"'{path}': the position of the spot '{spot}' is not five numbers.");
        }
        data.Obs["in_tissue"] = new NumericColumn(inTissue);
        data.Obs["array_row"] = new NumericColumn(arrayRow);
        data.Obs["array_col"] = new NumericColumn(arrayColumn);
        bool whole = Array.TrueForAll(xy, v => v == Math.Truncate(v) && Math.Abs(v) < 1e15);
        data.Obsm["spatial"] = new DenseMatrix(n, 2, whole ? Array.ConvertAll(xy, v => (long)v) : xy);
    }

    private static ElementMap Images(string spatial, bool wanted, List<string> warnings)
    {
        var images = new ElementMap();
        if (!wanted) return images;
        foreach (string name in (ReadOnlySpan<string>)["hires", "lowres"])
        {
            string path = Path.Combine(spatial, $"tissue_{name}_image.png");
            if (!File.Exists(path)) continue;
            try
            {
                var image = PngImage.Read(path);
                images[name] = image.Channels == 1
                    ? new DenseMatrix(image.Height, image.Width, image.Pixels)
                    : new NdArray(image.Pixels, image.Height, image.Width, image.Channels);
            }
            catch (NotSupportedException e)
            {
                warnings.Add($"'{path}': left out, this kind of image is not read ({e.Message}).");
            }
        }
        return images;
    }

    private static ElementMap ScaleFactors(string spatial, List<string> warnings)
    {
        var factors = new ElementMap();
        string path = Path.Combine(spatial, "scalefactors_json.json");
        if (!File.Exists(path))
        {
            warnings.Add($"'{path}': is missing, so images cannot be placed under the spots.");
            return factors;
        }
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (var p in json.RootElement.EnumerateObject())
                if (p.Value.ValueKind == JsonValueKind.Number) factors[p.Name] = new Scalar(p.Value.GetDouble());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException($"'{path}': is damaged JSON.", e);
        }
        return factors;
    }
}
